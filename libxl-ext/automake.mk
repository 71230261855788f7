# SPDX-License-Identifier: Apache-2.0

dist_man_MANS += docs/xl-remus.8 docs/dts-domwatch.8

# On libxl: built only with Xen.
if HAVE_XEN
libxl_ext_common = \
	libxl-ext/domlist.c libxl-ext/domlist.h \
	libxl-ext/domstate.c libxl-ext/domstate.h \
	netscripts/no-unixctl.c
libxl_ext_cppflags = $(AM_CPPFLAGS) $(XENLIGHT_CFLAGS) $(XENSTORE_CFLAGS) \
	$(XENCTRL_CFLAGS)
libxl_ext_ldflags = $(AM_LDFLAGS) -Wl,--as-needed
libxl_ext_libs = $(OVS_LIBS) $(XENLIGHT_LIBS) $(XENSTORE_LIBS)

# The engine, for xl-remus and for toolstacks.
lib_LTLIBRARIES += libxl-ext/libremusdts.la
libxl_ext_libremusdts_la_SOURCES = \
	libxl-ext/engine.c libxl-ext/engine.h \
	libxl-ext/engine-control.c \
	libxl-ext/engine-libxl.c \
	libxl-ext/engine-link.c \
	libxl-ext/engine-output.c \
	libxl-ext/engine-session.c \
	libxl-ext/epoch.c libxl-ext/epoch.h \
	libxl-ext/left.c libxl-ext/left.h \
	libxl-ext/link-event.c libxl-ext/link-event.h \
	libxl-ext/remus-common.c libxl-ext/remus-private.h \
	libxl-ext/remus-control.c \
	libxl-ext/remus-monitor.c \
	libxl-ext/remus-receive.c \
	libxl-ext/slow.c libxl-ext/slow.h \
	libxl-ext/xl-header.c libxl-ext/xl-header.h \
	remus-hooks/lib/agent-client.c remus-hooks/lib/agent-client.h \
	remus-hooks/lib/agent-session.c remus-hooks/lib/agent-session.h \
	remus-hooks/lib/rundir.c remus-hooks/lib/rundir.h
libxl_ext_libremusdts_la_CPPFLAGS = $(libxl_ext_cppflags)
libxl_ext_libremusdts_la_LIBADD = $(NETBUF_LIBS)
remusdtsinclude_HEADERS += include/remus-dts/remus.h

sbin_PROGRAMS += libxl-ext/xl-remus
libxl_ext_xl_remus_SOURCES = \
	libxl-ext/check-answer.c libxl-ext/check-answer.h \
	libxl-ext/check-copy.c libxl-ext/check-copy.h \
	libxl-ext/check-cpu.c libxl-ext/check-cpu.h \
	libxl-ext/check-files.c libxl-ext/check-files.h \
	libxl-ext/check-interval.c libxl-ext/check-interval.h \
	libxl-ext/check-io.c libxl-ext/check-io.h \
	libxl-ext/check-local.c libxl-ext/check-local.h \
	libxl-ext/check-node.c libxl-ext/check-node.h \
	libxl-ext/check-peer.c libxl-ext/check-peer.h \
	libxl-ext/check-rate.c libxl-ext/check-rate.h \
	libxl-ext/check-wire.c libxl-ext/check-wire.h \
	libxl-ext/check-xen.c libxl-ext/check-xen.h \
	libxl-ext/cmd-check.c \
	libxl-ext/cmd-control.c \
	libxl-ext/cmd-protect.c \
	libxl-ext/cmd-receive.c \
	libxl-ext/cmd-switchover.c \
	libxl-ext/domlist.c libxl-ext/domlist.h \
	libxl-ext/domstate.c libxl-ext/domstate.h \
	libxl-ext/live-line.c libxl-ext/live-line.h \
	libxl-ext/real-helper.c libxl-ext/real-helper.h \
	libxl-ext/xl-remus.c libxl-ext/xl-remus.h \
	remus-hooks/lib/check-lines.c remus-hooks/lib/check-lines.h
libxl_ext_xl_remus_CPPFLAGS = $(libxl_ext_cppflags) $(NL_CFLAGS)
libxl_ext_xl_remus_LDFLAGS = $(libxl_ext_ldflags)
libxl_ext_xl_remus_LDADD = libxl-ext/libremusdts.la $(libxl_ext_libs) \
	$(XENCTRL_LIBS)
dist_bashcompletion_DATA += libxl-ext/xl-remus.bash

# How a toolstack uses the library; includes nothing but the public header.
noinst_PROGRAMS += libxl-ext/remus-example
libxl_ext_remus_example_SOURCES = libxl-ext/remus-example.c
libxl_ext_remus_example_CPPFLAGS = -I$(top_srcdir)/include
libxl_ext_remus_example_LDFLAGS = $(libxl_ext_ldflags)
libxl_ext_remus_example_LDADD = libxl-ext/libremusdts.la $(libxl_ext_libs)

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
	libxl-ext/pace.c libxl-ext/pace.h \
	libxl-ext/real-helper.c libxl-ext/real-helper.h \
	netscripts/no-unixctl.c \
	remus-hooks/lib/agent-client.c remus-hooks/lib/agent-client.h \
	remus-hooks/lib/agent-session.c remus-hooks/lib/agent-session.h \
	remus-hooks/lib/buffer.c remus-hooks/lib/buffer.h \
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
check_PROGRAMS += tests/unit/test-pace
TESTS += tests/unit/test-pace
tests_unit_test_pace_SOURCES = tests/unit/test-pace.c libxl-ext/pace.c
tests_unit_test_pace_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_pace_LDADD = $(UNIT_LIBS)
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

check_PROGRAMS += tests/unit/test-slow
TESTS += tests/unit/test-slow
tests_unit_test_slow_SOURCES = tests/unit/test-slow.c \
	libxl-ext/slow.c libxl-ext/slow.h
tests_unit_test_slow_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_slow_LDADD = $(UNIT_LIBS)
endif

# The output buffer (netbuf.h): netlink and xenstore, no libxl.  A program that
# uses it adds $(NETBUF_LIBS) to its LDADD.
NETBUF_DEV_SOURCES = \
	libxl-ext/netbuf-dev.c libxl-ext/netbuf-dev.h \
	libxl-ext/netbuf-match.c libxl-ext/netbuf-match.h \
	libxl-ext/plug.h \
	netscripts/vif-dev.c netscripts/vif-dev.h \
	remus-hooks/lib/realtime.c remus-hooks/lib/realtime.h
if HAVE_XEN
noinst_LTLIBRARIES += libxl-ext/libnetbuf.la
libxl_ext_libnetbuf_la_SOURCES = \
	$(NETBUF_DEV_SOURCES) \
	libxl-ext/netbuf.c libxl-ext/netbuf.h \
	libxl-ext/netbuf-program.c libxl-ext/netbuf-program.h \
	libxl-ext/netbuf-talk.c libxl-ext/netbuf-talk.h \
	libxl-ext/netbuf-vifs.c libxl-ext/netbuf-vifs.h \
	libxl-ext/plug.c \
	remus-hooks/lib/netdev-exists.c remus-hooks/lib/netdev-exists.h
libxl_ext_libnetbuf_la_CPPFLAGS = $(AM_CPPFLAGS) $(NL_CFLAGS) $(XENSTORE_CFLAGS)
NETBUF_LIBS = libxl-ext/libnetbuf.la $(NL_LIBS) $(XENSTORE_LIBS)

# The library by hand, for tests.
noinst_PROGRAMS += tests/netns/netbuf-tool
tests_netns_netbuf_tool_SOURCES = tests/netns/netbuf-tool.c \
	netscripts/no-unixctl.c
tests_netns_netbuf_tool_LDFLAGS = $(AM_LDFLAGS) -Wl,--as-needed
tests_netns_netbuf_tool_LDADD = $(NETBUF_LIBS) $(OVS_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-netbuf
TESTS += tests/unit/test-netbuf
tests_unit_test_netbuf_SOURCES = tests/unit/test-netbuf.c \
	libxl-ext/netbuf-match.c libxl-ext/plug.c
tests_unit_test_netbuf_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_netbuf_LDADD = $(UNIT_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-xl-header
TESTS += tests/unit/test-xl-header
tests_unit_test_xl_header_SOURCES = tests/unit/test-xl-header.c \
	libxl-ext/xl-header.c libxl-ext/xl-header.h remus-hooks/lib/framing.c
tests_unit_test_xl_header_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_xl_header_LDADD = $(UNIT_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-left
TESTS += tests/unit/test-left
tests_unit_test_left_SOURCES = tests/unit/test-left.c \
	libxl-ext/left.c libxl-ext/left.h libxl-ext/plug.h \
	remus-hooks/lib/agent-client.c remus-hooks/lib/agent-client.h \
	remus-hooks/lib/netdev-exists.c remus-hooks/lib/netdev-exists.h \
	remus-hooks/lib/rundir.c remus-hooks/lib/rundir.h
tests_unit_test_left_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_left_LDADD = $(UNIT_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-live-line
TESTS += tests/unit/test-live-line
tests_unit_test_live_line_SOURCES = tests/unit/test-live-line.c \
	libxl-ext/live-line.c libxl-ext/live-line.h
tests_unit_test_live_line_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_live_line_LDADD = $(UNIT_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-link-event
TESTS += tests/unit/test-link-event
tests_unit_test_link_event_SOURCES = tests/unit/test-link-event.c \
	libxl-ext/link-event.c libxl-ext/link-event.h
tests_unit_test_link_event_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_link_event_LDADD = $(UNIT_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-check
TESTS += tests/unit/test-check
tests_unit_test_check_SOURCES = tests/unit/test-check.c \
	libxl-ext/check-copy.c libxl-ext/check-cpu.c \
	libxl-ext/check-files.c libxl-ext/check-interval.c \
	libxl-ext/check-wire.c
tests_unit_test_check_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_check_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test-check-files
TESTS += tests/unit/test-check-files
tests_unit_test_check_files_SOURCES = tests/unit/test-check-files.c \
	libxl-ext/check-files.c libxl-ext/check-io.c \
	libxl-ext/check-wire.c
tests_unit_test_check_files_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_check_files_LDADD = $(UNIT_LIBS)
endif
