# SPDX-License-Identifier: Apache-2.0
# dts-ctl, the operator's command.

sbin_PROGRAMS += remus-hooks/ctl/dts-ctl
remus_hooks_ctl_dts_ctl_SOURCES = \
	remus-hooks/ctl/adopt.c \
	remus-hooks/ctl/args.c remus-hooks/ctl/args.h \
	remus-hooks/ctl/check.c remus-hooks/ctl/check.h \
	remus-hooks/ctl/check-access.c \
	remus-hooks/ctl/check-clock.c remus-hooks/ctl/check-clock.h \
	remus-hooks/ctl/check-db.c \
	remus-hooks/ctl/check-host.c \
	remus-hooks/ctl/check-ipsec.c \
	remus-hooks/ctl/check-ovs.c \
	remus-hooks/ctl/check-pki.c \
	remus-hooks/ctl/check-tunnels.c \
	remus-hooks/ctl/ctl.h \
	remus-hooks/ctl/domains.c \
	remus-hooks/ctl/drops.c remus-hooks/ctl/drops.h \
	remus-hooks/ctl/events.c \
	remus-hooks/ctl/guard.c remus-hooks/ctl/guard.h \
	remus-hooks/ctl/keys.c remus-hooks/ctl/keys.h \
	remus-hooks/ctl/main.c \
	remus-hooks/ctl/names.c \
	remus-hooks/ctl/networks.c \
	remus-hooks/ctl/nodes.c \
	remus-hooks/ctl/options.c remus-hooks/ctl/options.h \
	remus-hooks/ctl/pki-ctl.c remus-hooks/ctl/pki-ctl.h \
	remus-hooks/ctl/rbac.c remus-hooks/ctl/rbac.h \
	remus-hooks/ctl/remote.c \
	remus-hooks/ctl/show.c \
	remus-hooks/ctl/status.c remus-hooks/ctl/status.h \
	remus-hooks/ctl/suggest.c remus-hooks/ctl/suggest.h \
	remus-hooks/ctl/switch.c \
	remus-hooks/ctl/timeline.c remus-hooks/ctl/timeline.h \
	remus-hooks/ctl/validate.c remus-hooks/ctl/validate.h \
	remus-hooks/ctl/values.c remus-hooks/ctl/values.h
remus_hooks_ctl_dts_ctl_LDADD = $(DTS_LIBS)

# (bash-completion finds COMMAND.bash as well as COMMAND.)
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA += remus-hooks/ctl/dts-ctl.bash

# Its tests: the pure parts, and the program against a private database.
CTL_TESTS = \
	tests/ctl/test-topology tests/ctl/test-domains \
	tests/ctl/test-status tests/ctl/test-generic tests/ctl/test-check \
	tests/ctl/test-docs tests/ctl/test-cluster tests/ctl/test-rbac tests/ctl/test-pki
TESTS += $(CTL_TESTS)
EXTRA_DIST += tests/ctl/lib.sh $(CTL_TESTS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-ctl
TESTS += tests/unit/test-ctl
tests_unit_test_ctl_SOURCES = tests/unit/test-ctl.c \
	remus-hooks/ctl/args.c remus-hooks/ctl/check-clock.c \
	remus-hooks/ctl/suggest.c remus-hooks/ctl/values.c
tests_unit_test_ctl_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(top_srcdir)/remus-hooks/ctl
tests_unit_test_ctl_LDADD = $(UNIT_LIBS)
endif
