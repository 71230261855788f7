# SPDX-License-Identifier: Apache-2.0
# Unit tests: `make check`.  A component's tests are added in its own part.
UNIT_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
UNIT_LIBS = $(DTS_LIBS) $(CMOCKA_LIBS)

# Every claim of speed, against the stock way in the same run; as root.
bench: all
	$(abs_top_srcdir)/tests/bench/run --build=$(abs_top_builddir)
.PHONY: bench
bench-xen:
	$(abs_top_srcdir)/tests/xenlab/bench
.PHONY: bench-xen
EXTRA_DIST += \
	.ci/run tests/run tests/second-try.sh build-aux/dependencies \
	tests/data/remus-stream tests/data/reduce-stream \
	tests/netns/run tests/netns/lib.sh tests/netns/dts.sh \
	tests/netns/algorithm1.sh tests/netns/kill-table.sh tests/netns/guest.py tests/netns/probe.py \
	tests/netns/observe.py tests/netns/xenstore.py tests/netns/fakexl.py \
	tests/netns/fakehelper.py tests/netns/fakedomwatch.py \
	tests/netns/agentrpc.py tests/netns/vlanprobe.py \
	tests/netns/flood.py tests/netns/floods.sh \
	tests/netns/linkhello.py tests/netns/heard.py tests/netns/forge.py tests/netns/rtp.py tests/netns/demo \
	tests/netns/lanes.py tests/netns/lanes.sh tests/netns/noplug.c \
	$(wildcard $(srcdir)/tests/netns/t-*.sh) \
	tests/bench/run tests/bench/bench.py tests/bench/ovsdb.py \
	tests/bench/openflow.py tests/bench/switch.py tests/bench/many.py \
	tests/bench/detect.py tests/bench/b-switch tests/bench/b-many \
	tests/bench/b-detect tests/bench/link.py tests/bench/b-link \
	tests/bench/b-wan tests/bench/b-flood tests/bench/flood.py \
	tests/bench/b-voice tests/bench/voice.py \
	tests/dist/run
