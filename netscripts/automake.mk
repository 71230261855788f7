# SPDX-License-Identifier: Apache-2.0
# vif-ovs-dts: linked with a few objects of libopenvswitch and, of Xen, with
# libxenstore only, so that it starts quickly.
libexecdts_PROGRAMS += netscripts/vif-ovs-dts
netscripts_vif_ovs_dts_SOURCES = \
	netscripts/no-unixctl.c \
	netscripts/vif-db.c netscripts/vif-db.h \
	netscripts/vif-dev.c netscripts/vif-dev.h \
	netscripts/vif-json.c netscripts/vif-json.h \
	netscripts/vif-lock.c netscripts/vif-lock.h \
	netscripts/say.c netscripts/say.h \
	netscripts/vif-ovs-dts.c \
	netscripts/vif-spec.c netscripts/vif-spec.h \
	netscripts/vif-store.c netscripts/vif-store.h \
	netscripts/vif-txn.c netscripts/vif-txn.h \
	remus-hooks/lib/agent-client.c remus-hooks/lib/agent-client.h \
	remus-hooks/lib/netdev-exists.c remus-hooks/lib/netdev-exists.h \
	remus-hooks/lib/rundir.c remus-hooks/lib/rundir.h
netscripts_vif_ovs_dts_CPPFLAGS = $(AM_CPPFLAGS) $(XENSTORE_CFLAGS)
netscripts_vif_ovs_dts_LDFLAGS = $(AM_LDFLAGS) -Wl,--as-needed
netscripts_vif_ovs_dts_LDADD = $(OVS_LIBS) $(XENSTORE_LIBS)

dist_man_MANS += docs/vif-ovs-dts.8 docs/remus-netbuf-dts.8

# remus-netbuf-dts: what of the output buffer concerns Open vSwitch.
libexecdts_PROGRAMS += netscripts/remus-netbuf-dts
netscripts_remus_netbuf_dts_SOURCES = \
	$(NETBUF_DEV_SOURCES) \
	netscripts/buf-ovs.c netscripts/buf-ovs.h \
	netscripts/buf-txn.c netscripts/buf-txn.h \
	netscripts/no-unixctl.c \
	netscripts/remus-netbuf-dts.c \
	netscripts/say.c netscripts/say.h \
	netscripts/vif-db.c netscripts/vif-db.h \
	netscripts/vif-json.c netscripts/vif-json.h \
	netscripts/vif-lock.c netscripts/vif-lock.h \
	netscripts/vif-spec.c netscripts/vif-spec.h \
	netscripts/vif-store.c netscripts/vif-store.h \
	netscripts/vif-txn.c netscripts/vif-txn.h \
	remus-hooks/lib/agent-client.c remus-hooks/lib/agent-client.h \
	remus-hooks/lib/netdev-exists.c remus-hooks/lib/netdev-exists.h \
	remus-hooks/lib/rundir.c remus-hooks/lib/rundir.h
netscripts_remus_netbuf_dts_CPPFLAGS = $(AM_CPPFLAGS) $(NL_CFLAGS) $(XENSTORE_CFLAGS)
netscripts_remus_netbuf_dts_LDFLAGS = $(AM_LDFLAGS) -Wl,--as-needed
netscripts_remus_netbuf_dts_LDADD = $(OVS_LIBS) $(NL_LIBS) $(XENSTORE_LIBS)

remusdtsincludedir = $(includedir)/remus-dts
remusdtsinclude_HEADERS += include/remus-dts/exit.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-vif
TESTS += tests/unit/test-vif
tests_unit_test_vif_SOURCES = tests/unit/test-vif.c \
	netscripts/vif-json.c netscripts/vif-spec.c netscripts/vif-txn.c
tests_unit_test_vif_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_vif_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test-buf
TESTS += tests/unit/test-buf
tests_unit_test_buf_SOURCES = tests/unit/test-buf.c \
	netscripts/buf-txn.c netscripts/vif-json.c
tests_unit_test_buf_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_buf_LDADD = $(UNIT_LIBS)
endif

# Xen without Xen, for tests: see tests/netns/fakexen.c.
EXTRA_DIST += tests/netns/fakexen.c tests/netns/fakexen-ports.c tests/netns/fakexen.h tests/netns/fakeagent.py tests/netns/onehost.sh tests/netns/t-05-vif.sh \
	tests/bench/b-vif tests/bench/vif.py \
	tests/netns/t-06-xl-remus.sh tests/netns/t-07-vif-agent.sh
if HAVE_XEN
check_DATA += tests/netns/fakexen.so
CLEANFILES += tests/netns/fakexen.so
tests/netns/fakexen.so: tests/netns/fakexen.c tests/netns/fakexen-ports.c tests/netns/fakexen.h
	$(AM_V_CC)$(MKDIR_P) tests/netns && \
	$(CC) -std=gnu11 -Wall -Wextra -O2 -g -shared -fPIC $(XENSTORE_CFLAGS) \
	  -o $@ $(srcdir)/tests/netns/fakexen.c $(srcdir)/tests/netns/fakexen-ports.c -ldl

noinst_PROGRAMS += tests/netns/fakedom
tests_netns_fakedom_SOURCES = tests/netns/fakedom.c
tests_netns_fakedom_CPPFLAGS = $(AM_CPPFLAGS) $(XENSTORE_CFLAGS)
tests_netns_fakedom_LDADD = $(OVS_LIBS) $(XENSTORE_LIBS)
endif
