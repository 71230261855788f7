# SPDX-License-Identifier: Apache-2.0

dist_man_MANS += docs/xl-remus.8 docs/dts-domwatch.8

# On libxl: built only with Xen.
if HAVE_XEN
libxl_ext_common = \
	libxl-ext/domlist.c libxl-ext/domlist.h \
	libxl-ext/domstate.c libxl-ext/domstate.h \
	netscripts/no-unixctl.c
libxl_ext_cppflags = $(AM_CPPFLAGS) $(XENLIGHT_CFLAGS) $(XENSTORE_CFLAGS)
libxl_ext_ldflags = $(AM_LDFLAGS) -Wl,--as-needed
libxl_ext_libs = $(OVS_LIBS) $(XENLIGHT_LIBS) $(XENSTORE_LIBS)

sbin_PROGRAMS += libxl-ext/xl-remus
libxl_ext_xl_remus_SOURCES = libxl-ext/xl-remus.c $(libxl_ext_common)
libxl_ext_xl_remus_CPPFLAGS = $(libxl_ext_cppflags)
libxl_ext_xl_remus_LDFLAGS = $(libxl_ext_ldflags)
libxl_ext_xl_remus_LDADD = $(libxl_ext_libs)

libexecdts_PROGRAMS += libxl-ext/dts-domwatch
libxl_ext_dts_domwatch_SOURCES = libxl-ext/dts-domwatch.c $(libxl_ext_common)
libxl_ext_dts_domwatch_CPPFLAGS = $(libxl_ext_cppflags)
libxl_ext_dts_domwatch_LDFLAGS = $(libxl_ext_ldflags)
libxl_ext_dts_domwatch_LDADD = $(libxl_ext_libs)
endif

# The gate needs no Xen: it speaks to libxl over pipes.
libexecdts_PROGRAMS += libxl-ext/dts-save-helper
libxl_ext_dts_save_helper_SOURCES = \
	libxl-ext/dts-save-helper.c \
	libxl-ext/engine-port.c libxl-ext/engine-port.h \
	libxl-ext/gate.c libxl-ext/gate.h \
	libxl-ext/helper-frames.c libxl-ext/helper-frames.h \
	libxl-ext/real-helper.c libxl-ext/real-helper.h \
	netscripts/no-unixctl.c \
	remus-hooks/lib/agent-client.c remus-hooks/lib/agent-client.h \
	remus-hooks/lib/agent-session.c remus-hooks/lib/agent-session.h \
	remus-hooks/lib/rundir.c remus-hooks/lib/rundir.h
libxl_ext_dts_save_helper_CPPFLAGS = $(AM_CPPFLAGS)
libxl_ext_dts_save_helper_LDFLAGS = $(AM_LDFLAGS) -Wl,--as-needed
libxl_ext_dts_save_helper_LDADD = $(OVS_LIBS)

dist_man_MANS += docs/dts-save-helper.8
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-gate
TESTS += tests/unit/test-gate
tests_unit_test_gate_SOURCES = tests/unit/test-gate.c \
	libxl-ext/gate.c libxl-ext/helper-frames.c
tests_unit_test_gate_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_gate_LDADD = $(UNIT_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-domstate
TESTS += tests/unit/test-domstate
tests_unit_test_domstate_SOURCES = tests/unit/test-domstate.c \
	libxl-ext/domstate.c
tests_unit_test_domstate_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_domstate_LDADD = $(UNIT_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-epoch
TESTS += tests/unit/test-epoch
tests_unit_test_epoch_SOURCES = tests/unit/test-epoch.c \
	libxl-ext/epoch.c libxl-ext/epoch.h
tests_unit_test_epoch_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_epoch_LDADD = $(UNIT_LIBS)
endif

# The output buffer (netbuf.h): netlink only.
EXTRA_DIST += libxl-ext/netbuf.h
