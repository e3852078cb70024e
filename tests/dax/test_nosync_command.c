// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_nosync_command.c -- daxkind probe where the kernel says DAX and refuses
 * MAP_SYNC.
 */
#include "../support/cmocka_all.h"

#include "../support/dax_env.h"
#include "../support/test_command.h"
#include "../support/test_region.h"

static void
test_probe_says_that_flushing_is_not_enough(void **state)
{
	(void)state;
	test_command_ok("daxkind probe --json %s", dax_env_path());
	test_has(test_command_text(), "\"dax\": true");
	test_has(test_command_text(), "\"map_sync\": false");
	test_has(test_command_text(), "\"granularity\": \"page\"");
	test_command_ok("daxkind probe %s", dax_env_path());
	test_has(test_command_text(), "msync(2) only");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_probe_says_that_flushing_is_not_enough),
	};

	if (!dax_env_is_there())
		return DAX_ENV_SKIP;
	return cmocka_run_group_tests_name("nosync command", tests, NULL, NULL);
}
