// SPDX-License-Identifier: BSD-2-Clause
/*
 * plain_hooks.c -- see plain_hooks.h.
 */
#include "plain_hooks.h"

#include "base/os.h"

static void *
take(struct je_hooks *hooks, void *new_addr, size_t len, size_t align,
    bool *zero)
{
	void *addr;

	(void)hooks;
	if (new_addr != NULL || os_map_anon_aligned(len, align, &addr) < 0)
		return NULL;
	*zero = true;
	return addr;
}

static bool
give(struct je_hooks *hooks, void *addr, size_t len)
{
	(void)hooks;
	return os_unmap(addr, len) == 0;
}

void
plain_hooks_init(struct je_hooks *hooks)
{
	*hooks = (struct je_hooks){.alloc = take, .give = give};
	je_hooks_init(hooks);
}
