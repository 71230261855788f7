# SPDX-License-Identifier: Apache-2.0
# libdts: what our programs share.

noinst_LTLIBRARIES += remus-hooks/lib/libdts.la
remus_hooks_lib_libdts_la_SOURCES = \
	remus-hooks/lib/agent-client.c remus-hooks/lib/agent-client.h \
	remus-hooks/lib/binding.c remus-hooks/lib/binding.h \
	remus-hooks/lib/check-lines.c remus-hooks/lib/check-lines.h \
	remus-hooks/lib/flow-table.c remus-hooks/lib/flow-table.h \
	remus-hooks/lib/flows.c remus-hooks/lib/flows.h \
	remus-hooks/lib/flows-actions.c remus-hooks/lib/flows-gateway.c \
	remus-hooks/lib/flows-private.h remus-hooks/lib/flows-server.c \
	remus-hooks/lib/flows-source.c \
	remus-hooks/lib/netdev-exists.c remus-hooks/lib/netdev-exists.h \
	remus-hooks/lib/pki.c remus-hooks/lib/pki.h \
	remus-hooks/lib/pki-watch.c remus-hooks/lib/pki-watch.h \
	remus-hooks/lib/rundir.c remus-hooks/lib/rundir.h \
	remus-hooks/lib/sets.c remus-hooks/lib/sets.h \
	remus-hooks/lib/view.c remus-hooks/lib/view.h \
	remus-hooks/lib/view-idl.c remus-hooks/lib/view-receipts.c \
	remus-hooks/lib/xfrm-guard.c remus-hooks/lib/xfrm-guard.h
nodist_remus_hooks_lib_libdts_la_SOURCES = \
	remus-hooks/lib/dts-idl.c remus-hooks/lib/dts-idl.h
DTS_LIBS = remus-hooks/lib/libdts.la $(OVS_LIBS)

dist_datadts_DATA += remus-hooks/dts.ovsschema
EXTRA_DIST += remus-hooks/lib/dts-idl.ann
BUILT_SOURCES += remus-hooks/lib/dts-idl.c remus-hooks/lib/dts-idl.h
CLEANFILES += remus-hooks/lib/dts-idl.c remus-hooks/lib/dts-idl.h \
	remus-hooks/lib/dts-idl.ovsidl

remus-hooks/lib/dts-idl.ovsidl: remus-hooks/dts.ovsschema remus-hooks/lib/dts-idl.ann
	$(AM_V_GEN)$(MKDIR_P) remus-hooks/lib && \
	$(OVSDB_IDLC) annotate $(srcdir)/remus-hooks/dts.ovsschema \
	  $(srcdir)/remus-hooks/lib/dts-idl.ann > $@.tmp && mv $@.tmp $@
# The compiler has a local variable called "key", as is our column.
remus-hooks/lib/dts-idl.c: remus-hooks/lib/dts-idl.ovsidl
	$(AM_V_GEN)$(OVSDB_IDLC) c-idl-source $< > $@.src && \
	sed -e 's/int64_t key)/int64_t key_)/' \
	  -e 's/key->integer = key;/key->integer = key_;/' $@.src > $@.tmp && \
	rm -f $@.src && mv $@.tmp $@
remus-hooks/lib/dts-idl.h: remus-hooks/lib/dts-idl.ovsidl
	$(AM_V_GEN)$(OVSDB_IDLC) c-idl-header $< > $@.tmp && mv $@.tmp $@

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-binding tests/unit/test-hold-down
TESTS += tests/unit/test-binding tests/unit/test-hold-down
tests_unit_test_binding_SOURCES = tests/unit/test-binding.c \
	tests/unit/binding-fixture.c tests/unit/binding-fixture.h
tests_unit_test_binding_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_binding_LDADD = $(UNIT_LIBS)
tests_unit_test_hold_down_SOURCES = tests/unit/test-hold-down.c \
	tests/unit/binding-fixture.c tests/unit/binding-fixture.h
tests_unit_test_hold_down_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_hold_down_LDADD = $(UNIT_LIBS)
endif

remus_hooks_lib_libdts_la_SOURCES += \
	remus-hooks/lib/agent-session.c remus-hooks/lib/agent-session.h \
	remus-hooks/lib/buffer.c remus-hooks/lib/buffer.h \
	remus-hooks/lib/delta.c \
	remus-hooks/lib/framing.c remus-hooks/lib/framing.h \
	remus-hooks/lib/pack.c remus-hooks/lib/pack.h \
	remus-hooks/lib/pack-method.c remus-hooks/lib/pack-private.h \
	remus-hooks/lib/page-cache.c remus-hooks/lib/page-cache.h \
	remus-hooks/lib/realtime.c remus-hooks/lib/realtime.h \
	remus-hooks/lib/unpack.c
# What the programs with lib/pack.c need.
PACK_LIBS = $(LZ4_LIBS) $(ZSTD_LIBS)
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-framing
TESTS += tests/unit/test-framing
tests_unit_test_framing_SOURCES = tests/unit/test-framing.c
tests_unit_test_framing_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_framing_LDADD = $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test-pack
TESTS += tests/unit/test-pack
tests_unit_test_pack_SOURCES = tests/unit/test-pack.c
tests_unit_test_pack_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_pack_LDADD = $(UNIT_LIBS) $(PACK_LIBS)

check_PROGRAMS += tests/unit/test-delta
TESTS += tests/unit/test-delta
tests_unit_test_delta_SOURCES = tests/unit/test-delta.c
tests_unit_test_delta_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_delta_LDADD = $(UNIT_LIBS) $(PACK_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-realtime
TESTS += tests/unit/test-realtime
tests_unit_test_realtime_SOURCES = tests/unit/test-realtime.c
tests_unit_test_realtime_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_realtime_LDADD = $(UNIT_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-netdev-exists
TESTS += tests/unit/test-netdev-exists
tests_unit_test_netdev_exists_SOURCES = tests/unit/test-netdev-exists.c
tests_unit_test_netdev_exists_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_netdev_exists_LDADD = $(UNIT_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-view tests/unit/test-view-update
TESTS += tests/unit/test-view tests/unit/test-view-update
tests_unit_test_view_SOURCES = tests/unit/test-view.c
tests_unit_test_view_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_view_LDADD = $(UNIT_LIBS)
tests_unit_test_view_update_SOURCES = tests/unit/test-view-update.c \
	tests/unit/view-changes.c tests/unit/view-changes.h
tests_unit_test_view_update_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_view_update_LDADD = $(UNIT_LIBS)
endif
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-sets tests/unit/test-flows
TESTS += tests/unit/test-sets tests/unit/test-flows
tests_unit_test_sets_SOURCES = tests/unit/test-sets.c
tests_unit_test_sets_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_sets_LDADD = $(UNIT_LIBS)
tests_unit_test_flows_SOURCES = tests/unit/test-flows.c \
	tests/unit/flow-bed.c tests/unit/flow-bed.h \
	tests/unit/walk.c tests/unit/walk.h
tests_unit_test_flows_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_flows_LDADD = $(UNIT_LIBS)
endif
