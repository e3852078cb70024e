# SPDX-License-Identifier: BSD-2-Clause
# Tests of the libraries of compat/, each linked with the one that it tests.
if BUILD_TESTS
if BUILD_LIBVMEM
check_PROGRAMS += tests/compat/test_vmem
TESTS += tests/compat/test_vmem
endif
endif
tests_compat_test_vmem_LDADD = tests/libsupport.la libvmem.la libdaxkind.la \
	$(CMOCKA_LIBS) $(PTHREAD_LIBS)
