# SPDX-License-Identifier: Apache-2.0
# `make check-model`: the takeover protocol, checked by spin.

.PHONY: check-model
check-model:
	@$(top_srcdir)/tests/model/run --build=.; rc=$$?; \
	  test $$rc = 0 || test $$rc = 77
EXTRA_DIST += tests/model/run tests/model/takeover.pml
