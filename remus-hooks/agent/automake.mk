# SPDX-License-Identifier: Apache-2.0

# dts-agent (its switch side is libswitch.la, below)
sbin_PROGRAMS += remus-hooks/agent/dts-agent
remus_hooks_agent_dts_agent_SOURCES = \
	remus-hooks/agent/announce.c remus-hooks/agent/announce.h \
	remus-hooks/agent/db.c remus-hooks/agent/db.h \
	remus-hooks/agent/db-log.c remus-hooks/agent/db-pace.c \
	remus-hooks/agent/db-provider.h remus-hooks/agent/db-receipts.c \
	remus-hooks/agent/db-rows.c \
	remus-hooks/agent/db-wishes.c \
	remus-hooks/agent/deeds.c remus-hooks/agent/deeds.h \
	remus-hooks/agent/guests.c remus-hooks/agent/guests.h \
	remus-hooks/agent/hooks.c remus-hooks/agent/hooks.h \
	remus-hooks/agent/main.c \
	remus-hooks/agent/requests.c \
	remus-hooks/agent/server.c remus-hooks/agent/server.h \
	remus-hooks/agent/session.c remus-hooks/agent/session.h \
	remus-hooks/agent/session-facts.c \
	remus-hooks/agent/status.c remus-hooks/agent/status.h \
	remus-hooks/agent/switch.h \
	remus-hooks/agent/takeover.c remus-hooks/agent/takeover.h \
	remus-hooks/agent/tracked.c remus-hooks/agent/tracked.h \
	remus-hooks/agent/vif.c remus-hooks/agent/vif.h \
	remus-hooks/agent/witness.c remus-hooks/agent/witness.h \
	remus-hooks/agent/xs.c remus-hooks/agent/xs.h
remus_hooks_agent_dts_agent_CFLAGS = $(AM_CFLAGS) $(XENSTORE_CFLAGS)
remus_hooks_agent_dts_agent_LDADD = \
	remus-hooks/agent/libswitch.la $(DTS_LIBS) $(XENSTORE_LIBS)

# The switch side: from the view to the local Open vSwitch.
noinst_LTLIBRARIES += remus-hooks/agent/libswitch.la
remus_hooks_agent_libswitch_la_SOURCES = \
	remus-hooks/agent/fences.c remus-hooks/agent/fences.h \
	remus-hooks/agent/first-frame.c remus-hooks/agent/first-frame.h \
	remus-hooks/agent/ipsec.c remus-hooks/agent/ipsec.h \
	remus-hooks/agent/of-conn.c remus-hooks/agent/of-conn.h \
	remus-hooks/agent/ofctrl.c remus-hooks/agent/ofctrl.h \
	remus-hooks/agent/ofctrl-msgs.c remus-hooks/agent/ofctrl-msgs.h \
	remus-hooks/agent/ovs-local.c remus-hooks/agent/ovs-local.h \
	remus-hooks/agent/ovs-ports.c remus-hooks/agent/ovs-reach.c \
	remus-hooks/agent/ovs-vifs.c \
	remus-hooks/agent/repl-address.c \
	remus-hooks/agent/revalidate.c remus-hooks/agent/revalidate.h \
	remus-hooks/agent/switch.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-reach tests/unit/test-ofctrl-msgs
TESTS += tests/unit/test-reach tests/unit/test-ofctrl-msgs
check_PROGRAMS += tests/unit/test-of-conn
TESTS += tests/unit/test-of-conn
tests_unit_test_of_conn_SOURCES = tests/unit/test-of-conn.c \
	remus-hooks/agent/of-conn.c remus-hooks/agent/of-conn.h
tests_unit_test_of_conn_CPPFLAGS = $(UNIT_CPPFLAGS) \
	-I$(top_srcdir)/remus-hooks/agent
tests_unit_test_of_conn_LDADD = $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test-fences
TESTS += tests/unit/test-fences
tests_unit_test_fences_SOURCES = tests/unit/test-fences.c \
	remus-hooks/agent/fences.c remus-hooks/agent/fences.h
tests_unit_test_fences_CPPFLAGS = $(UNIT_CPPFLAGS) \
	-I$(top_srcdir)/remus-hooks/agent
tests_unit_test_fences_LDADD = $(UNIT_LIBS)
tests_unit_test_ofctrl_msgs_SOURCES = tests/unit/test-ofctrl-msgs.c \
	tests/unit/flow-bed.c tests/unit/flow-bed.h \
	tests/unit/walk.c tests/unit/walk.h \
	remus-hooks/agent/ofctrl-msgs.c remus-hooks/agent/ofctrl-msgs.h
tests_unit_test_ofctrl_msgs_CPPFLAGS = $(UNIT_CPPFLAGS) \
	-I$(top_srcdir)/remus-hooks/agent
tests_unit_test_ofctrl_msgs_LDADD = $(UNIT_LIBS)
tests_unit_test_reach_SOURCES = tests/unit/test-reach.c \
	remus-hooks/agent/ovs-reach.c remus-hooks/agent/ovs-local.h
tests_unit_test_reach_CPPFLAGS = $(UNIT_CPPFLAGS) \
	-I$(top_srcdir)/remus-hooks/agent
tests_unit_test_reach_LDADD = $(UNIT_LIBS)
endif
