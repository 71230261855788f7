# SPDX-License-Identifier: Apache-2.0

dist_man_MANS += docs/dts-agent.8
EXTRA_DIST += docs/protocol.md

# dts(5) is made from the schema and its documentation; that fails when a
# table or column has none.
man_MANS = docs/dts.5
CLEANFILES += docs/dts.5
EXTRA_DIST += docs/dts.5.xml docs/deployment.md docs/troubleshooting.md
docs/dts.5: docs/dts.5.xml remus-hooks/dts.ovsschema
	$(AM_V_GEN)$(MKDIR_P) docs && \
	PYTHONPATH=$(OVSDIR)/python PYTHONDONTWRITEBYTECODE=yes $(PYTHON3) \
	  $(OVSDIR)/ovsdb/ovsdb-doc --version=$(VERSION) \
	  $(srcdir)/remus-hooks/dts.ovsschema $(srcdir)/docs/dts.5.xml | \
	sed -e '/^\.TH/s/Open vSwitch/remus-dts/g' > $@.tmp && \
	grep -q '^\.TH' $@.tmp && mv $@.tmp $@

dist_man_MANS += docs/dts-ctl.8
EXTRA_DIST += docs/architecture.md docs/failures.md docs/security.md \
	docs/verification.md docs/demo.png docs/figures.md \
	docs/bench-xen-rules.png
