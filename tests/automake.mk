# SPDX-License-Identifier: Apache-2.0
# Unit tests: `make check`.  A component's tests are added in its own part.
UNIT_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
UNIT_LIBS = $(DTS_LIBS) $(CMOCKA_LIBS)
