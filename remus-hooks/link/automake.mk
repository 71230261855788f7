# SPDX-License-Identifier: Apache-2.0

sbin_PROGRAMS += remus-hooks/link/dts-link
remus_hooks_link_dts_link_SOURCES = \
	remus-hooks/link/accept.c \
	remus-hooks/link/check.c \
	remus-hooks/link/child.c remus-hooks/link/child.h \
	remus-hooks/link/connect.c remus-hooks/link/connect.h \
	remus-hooks/link/bucket.h remus-hooks/link/detector.h \
	remus-hooks/link/dts-link.c \
	remus-hooks/link/events.c remus-hooks/link/events.h \
	remus-hooks/link/heartbeat.c remus-hooks/link/heartbeat.h \
	remus-hooks/link/hold.c remus-hooks/link/hold.h \
	remus-hooks/link/link.h \
	remus-hooks/link/listen.c \
	remus-hooks/link/outflow.c remus-hooks/link/outflow.h \
	remus-hooks/link/peer.c remus-hooks/link/peer.h \
	remus-hooks/link/receive.c \
	remus-hooks/link/ring.c remus-hooks/link/ring.h \
	remus-hooks/link/send.c \
	remus-hooks/link/session.c \
	remus-hooks/link/stage.c remus-hooks/link/stage.h \
	remus-hooks/link/wire.c remus-hooks/link/wire.h
remus_hooks_link_dts_link_LDADD = $(DTS_LIBS) $(PACK_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-link
TESTS += tests/unit/test-link
tests_unit_test_link_SOURCES = tests/unit/test-link.c \
	remus-hooks/link/events.c remus-hooks/link/heartbeat.c \
	remus-hooks/link/hold.c remus-hooks/link/ring.c \
	remus-hooks/link/wire.c
tests_unit_test_link_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_link_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test-stage
TESTS += tests/unit/test-stage
tests_unit_test_stage_SOURCES = tests/unit/test-stage.c \
	remus-hooks/link/stage.c remus-hooks/link/stage.h
tests_unit_test_stage_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_stage_LDADD = $(UNIT_LIBS)
endif

# The programs themselves, over the loopback interface: no root, no Xen.
EXTRA_DIST += \
	tests/link/fakehelper.py tests/link/fakereceiver.py \
	tests/link/linkbed.py tests/link/test-check tests/link/test-gate \
	tests/link/test-link tests/link/test-told tests/link/test-recorded \
	tests/link/test-wan

dist_man_MANS += docs/dts-link.8
