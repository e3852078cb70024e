# SPDX-License-Identifier: BSD-2-Clause
# Libraries that stand in for others, each over libdaxkind's public interface
# and with a symbol map of its own.
EXTRA_DIST += compat/libvmem.map

if BUILD_LIBVMEM
lib_LTLIBRARIES += libvmem.la
daxkindinclude_HEADERS += include/libvmem.h
pkgconfig_DATA += compat/libvmem.pc
endif

libvmem_la_SOURCES = compat/vmem.c src/export.h src/util.h
libvmem_la_LIBADD = $(DAXKIND_LIBADD) $(PTHREAD_LIBS)
libvmem_la_LDFLAGS = $(AM_LDFLAGS) $(DK_SHLIB_LDFLAGS) \
	-version-info 1:0:0 -no-undefined \
	-Wl,--version-script=$(top_srcdir)/compat/libvmem.map
libvmem_la_DEPENDENCIES = libdaxkind.la $(top_srcdir)/compat/libvmem.map
