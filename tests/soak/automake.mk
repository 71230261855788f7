# SPDX-License-Identifier: Apache-2.0
# `make check-soak`: failovers in a row, and what grows meanwhile (as root).

TESTS += tests/soak/test-grown
.PHONY: check-soak
check-soak: all
	@$(top_srcdir)/tests/soak/run --build=.; rc=$$?; \
	  test $$rc = 0 || test $$rc = 77
EXTRA_DIST += tests/soak/run tests/soak/mix tests/soak/sample.py \
	tests/soak/grown.py tests/soak/plot.py tests/soak/test-grown
