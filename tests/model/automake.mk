# SPDX-License-Identifier: Apache-2.0
# `make check-model`: the models, checked by spin.

.PHONY: check-model
check-model:
	@$(top_srcdir)/tests/model/run --build=.; rc=$$?; \
	  test $$rc = 0 || test $$rc = 77
EXTRA_DIST += tests/model/run tests/model/table.py tests/model/names.pml \
	tests/model/takeover.pml tests/model/gateways.pml \
	tests/model/witness.pml tests/model/output.pml
