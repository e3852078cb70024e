# SPDX-License-Identifier: BSD-2-Clause
# Tests of the libraries of compat/, each linked with the one that it tests.
COMPAT_SCRIPT_TESTS = tests/compat/autohbw.sh tests/compat/memtier.sh \
	tests/compat/memtier_command.sh tests/compat/nodes.sh
dist_check_SCRIPTS += $(COMPAT_SCRIPT_TESTS)
TESTS += $(COMPAT_SCRIPT_TESTS)
EXTRA_DIST += tests/compat/preload.sh
if BUILD_TESTS
CHECK_ALL += tests/compat/autohbw_program tests/compat/memtier_program
# by another name, as Automake would leave out its own rule for the log
AUTOHBW_LOG = tests/compat/autohbw.sh.log
$(AUTOHBW_LOG): tests/compat/autohbw_program
MEMTIER_LOG = tests/compat/memtier.sh.log
$(MEMTIER_LOG): tests/compat/memtier_program
if BUILD_LIBVMEM
CHECK_ALL += tests/compat/test_vmem
TESTS += tests/compat/test_vmem
endif
endif
tests_compat_test_vmem_DEPENDENCIES = tests/libsupport.la libvmem.la \
	libdaxkind.interface
tests_compat_test_vmem_LDADD = tests/libsupport.la libvmem.la libdaxkind.la \
	$(CMOCKA_LIBS) $(PTHREAD_LIBS)
tests_compat_memtier_program_DEPENDENCIES = libdaxkind.interface
tests_compat_memtier_program_LDADD = libdaxkind.la $(PTHREAD_LIBS)
tests_compat_autohbw_program_DEPENDENCIES = libautohbw.la libdaxkind.interface
tests_compat_autohbw_program_LDADD = libautohbw.la libdaxkind.la \
	$(PTHREAD_LIBS)
# The compiler takes it for granted that malloc() leaves errno.
tests_compat_autohbw_program_CFLAGS = $(AM_CFLAGS) -fno-builtin
tests_compat_memtier_program_CFLAGS = $(AM_CFLAGS) -fno-builtin
