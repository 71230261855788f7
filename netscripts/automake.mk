# SPDX-License-Identifier: Apache-2.0
# Xen without Xen, for tests: see tests/netns/fakexen.c.
EXTRA_DIST += tests/netns/fakexen.c
if HAVE_XEN
check_DATA += tests/netns/fakexen.so
CLEANFILES += tests/netns/fakexen.so
tests/netns/fakexen.so: tests/netns/fakexen.c
	$(AM_V_CC)$(MKDIR_P) tests/netns && \
	$(CC) -std=gnu11 -Wall -Wextra -O2 -g -shared -fPIC $(XENSTORE_CFLAGS) \
	  -o $@ $(srcdir)/tests/netns/fakexen.c -ldl

check_PROGRAMS += tests/netns/fakedom
tests_netns_fakedom_SOURCES = tests/netns/fakedom.c
tests_netns_fakedom_CPPFLAGS = $(AM_CPPFLAGS) $(XENSTORE_CFLAGS)
tests_netns_fakedom_LDADD = $(OVS_LIBS) $(XENSTORE_LIBS)
endif
