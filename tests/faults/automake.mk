# SPDX-License-Identifier: Apache-2.0
# `make check-faults`: what the client sees when a part breaks in the midst of a
# failover, a partition or a switch (as root).

TESTS += tests/faults/test-judge
.PHONY: check-faults
check-faults: all
	@$(top_srcdir)/tests/faults/run --build=.; rc=$$?; \
	  test $$rc = 0 || test $$rc = 77
EXTRA_DIST += tests/faults/run tests/faults/bed.sh tests/faults/cells \
	tests/faults/judge.py tests/faults/step.py tests/faults/test-judge
