# SPDX-License-Identifier: BSD-2-Clause
# Libraries that stand in for others, each over libdaxkind's public interface
# and with a symbol map of its own.
EXTRA_DIST += compat/libautohbw.map compat/libmemkind.map \
	compat/libmemtier.map compat/libvmem.map

if BUILD_LIBVMEM
lib_LTLIBRARIES += libvmem.la
daxkindinclude_HEADERS += include/libvmem.h
pkgconfig_DATA += compat/libvmem.pc
endif

libvmem_la_SOURCES = compat/vmem.c src/base/cancel.h src/base/export.h \
	src/base/util.h
libvmem_la_CFLAGS = $(AM_CFLAGS) $(DK_FRAME_CFLAGS)
libvmem_la_LIBADD = $(DAXKIND_LIBADD) $(PTHREAD_LIBS)
libvmem_la_LDFLAGS = $(AM_LDFLAGS) $(DK_SHLIB_LDFLAGS) \
	-version-info 1:0:0 -no-undefined \
	-Wl,--version-script=$(top_srcdir)/compat/libvmem.map
libvmem_la_DEPENDENCIES = libdaxkind.interface $(top_srcdir)/compat/libvmem.map

# Preloaded by LD_PRELOAD: malloc() and its relatives.
lib_LTLIBRARIES += libmemtier.la
libmemtier_la_SOURCES = compat/memtier_preload.c \
	compat/preload.c compat/preload.h \
	compat/tier_config.c compat/tier_config.h \
	src/base/cancel.h src/base/export.h src/base/parse.c \
	src/base/parse.h src/base/util.h
# The compiler must not make calls of malloc() out of what malloc() does.
libmemtier_la_CFLAGS = $(AM_CFLAGS) $(DK_FRAME_CFLAGS) -fno-builtin
libmemtier_la_LIBADD = $(DAXKIND_LIBADD) $(PTHREAD_LIBS)
libmemtier_la_LDFLAGS = $(AM_LDFLAGS) $(DK_SHLIB_LDFLAGS) \
	-version-info 0:0:0 -no-undefined \
	-Wl,--version-script=$(top_srcdir)/compat/libmemtier.map
libmemtier_la_DEPENDENCIES = libdaxkind.interface $(top_srcdir)/compat/libmemtier.map

lib_LTLIBRARIES += libautohbw.la
daxkindinclude_HEADERS += include/autohbw_api.h
libautohbw_la_SOURCES = compat/autohbw.c \
	compat/preload.c compat/preload.h \
	src/base/cancel.h src/base/export.h src/base/parse.c src/base/parse.h src/base/util.h
libautohbw_la_CFLAGS = $(AM_CFLAGS) $(DK_FRAME_CFLAGS) -fno-builtin
libautohbw_la_LIBADD = $(DAXKIND_LIBADD) $(PTHREAD_LIBS)
libautohbw_la_LDFLAGS = $(AM_LDFLAGS) $(DK_SHLIB_LDFLAGS) \
	-version-info 0:0:0 -no-undefined \
	-Wl,--version-script=$(top_srcdir)/compat/libautohbw.map
libautohbw_la_DEPENDENCIES = libdaxkind.interface $(top_srcdir)/compat/libautohbw.map

bin_PROGRAMS += compat/memkind-auto-dax-kmem-nodes compat/memkind-hbw-nodes \
	compat/memtier
dist_completion_DATA += compat/completion/memtier
compat_memtier_SOURCES = compat/memtier.c \
	compat/tier_config.c compat/tier_config.h \
	src/base/cancel.h src/base/export.h src/base/parse.c \
	src/base/parse.h src/base/util.h
compat_memtier_LDADD = libdaxkind.la -ldl
compat_memtier_DEPENDENCIES = libdaxkind.interface
compat_memkind_auto_dax_kmem_nodes_SOURCES = compat/dax_kmem_nodes.c \
	compat/nodes_command.c compat/nodes_command.h
if HAVE_DAXCTL
compat_memkind_auto_dax_kmem_nodes_CPPFLAGS = $(AM_CPPFLAGS) -DDK_HAVE_DAXCTL=1
else
compat_memkind_auto_dax_kmem_nodes_CPPFLAGS = $(AM_CPPFLAGS) -DDK_HAVE_DAXCTL=0
endif
compat_memkind_auto_dax_kmem_nodes_LDADD = libdaxkind.la
compat_memkind_auto_dax_kmem_nodes_DEPENDENCIES = libdaxkind.interface
compat_memkind_hbw_nodes_SOURCES = compat/hbw_nodes.c \
	compat/nodes_command.c compat/nodes_command.h
compat_memkind_hbw_nodes_LDADD = libdaxkind.la
compat_memkind_hbw_nodes_DEPENDENCIES = libdaxkind.interface

# The same objects as libdaxkind with the names of memkind's interface alone.
if BUILD_LIBMEMKIND
lib_LTLIBRARIES += libmemkind.la
pkgconfig_DATA += compat/memkind.pc
endif
libmemkind_la_SOURCES = compat/memkind_environment.c
libmemkind_la_LIBADD = libdaxkind-core.la $(JEMALLOC_LIBADD) $(TLS_LIBADD) \
	$(CORE_LIBS)
libmemkind_la_LDFLAGS = $(AM_LDFLAGS) $(TLS_RPATH) $(DK_SHLIB_LDFLAGS) \
	-version-info 0:1:0 -no-undefined \
	-Wl,--version-script=$(top_srcdir)/compat/libmemkind.map
libmemkind_la_DEPENDENCIES = libdaxkind-core.la libdaxkind-tls.la \
	$(JEMALLOC_ARCHIVE) \
	$(top_srcdir)/compat/libmemkind.map
