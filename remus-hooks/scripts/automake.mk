# SPDX-License-Identifier: Apache-2.0
scriptsdir = $(datadtsdir)/scripts
dist_scripts_SCRIPTS = remus-hooks/scripts/dts-ctl-daemon

TESTS += tests/scripts/test-dts-ctl-daemon tests/scripts/test-schema tests/scripts/test-tree \
	tests/scripts/test-second-try
EXTRA_DIST += tests/scripts/test-dts-ctl-daemon tests/scripts/test-schema tests/scripts/test-tree \
	tests/scripts/test-second-try \
	$(wildcard $(srcdir)/tests/data/schema/*.ovsschema)
