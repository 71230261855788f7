# SPDX-License-Identifier: Apache-2.0
# dts-rtpstat: jitter, loss and downtime of RTP streams.

noinst_LTLIBRARIES += remus-hooks/rtpstat/librtpstat.la
remus_hooks_rtpstat_librtpstat_la_SOURCES = \
	remus-hooks/rtpstat/capture.c remus-hooks/rtpstat/capture.h \
	remus-hooks/rtpstat/decap.c remus-hooks/rtpstat/decap.h \
	remus-hooks/rtpstat/jitter.c remus-hooks/rtpstat/jitter.h \
	remus-hooks/rtpstat/plot.c remus-hooks/rtpstat/plot.h \
	remus-hooks/rtpstat/report.c remus-hooks/rtpstat/report.h \
	remus-hooks/rtpstat/rtp.c remus-hooks/rtpstat/rtp.h \
	remus-hooks/rtpstat/streams.c remus-hooks/rtpstat/streams.h

bin_PROGRAMS += remus-hooks/rtpstat/dts-rtpstat
remus_hooks_rtpstat_dts_rtpstat_SOURCES = remus-hooks/rtpstat/dts-rtpstat.c
RTPSTAT_LIBS = remus-hooks/rtpstat/librtpstat.la $(OVS_LIBS) \
	$(PCAP_LIBS) -lm
remus_hooks_rtpstat_dts_rtpstat_LDADD = $(RTPSTAT_LIBS)

if HAVE_CMOCKA
RTPSTAT_TESTS = tests/unit/test-rtp tests/unit/test-jitter \
	tests/unit/test-decap tests/unit/test-streams
check_PROGRAMS += $(RTPSTAT_TESTS)
TESTS += $(RTPSTAT_TESTS)
RTPSTAT_TEST_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(top_srcdir)/remus-hooks/rtpstat
RTPSTAT_TEST_LIBS = $(RTPSTAT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_rtp_SOURCES = tests/unit/test-rtp.c
tests_unit_test_rtp_CPPFLAGS = $(RTPSTAT_TEST_CPPFLAGS)
tests_unit_test_rtp_LDADD = $(RTPSTAT_TEST_LIBS)
tests_unit_test_jitter_SOURCES = tests/unit/test-jitter.c
tests_unit_test_jitter_CPPFLAGS = $(RTPSTAT_TEST_CPPFLAGS)
tests_unit_test_jitter_LDADD = $(RTPSTAT_TEST_LIBS)
tests_unit_test_decap_SOURCES = tests/unit/test-decap.c
tests_unit_test_decap_CPPFLAGS = $(RTPSTAT_TEST_CPPFLAGS)
tests_unit_test_decap_LDADD = $(RTPSTAT_TEST_LIBS)
tests_unit_test_streams_SOURCES = tests/unit/test-streams.c
tests_unit_test_streams_CPPFLAGS = $(RTPSTAT_TEST_CPPFLAGS)
tests_unit_test_streams_LDADD = $(RTPSTAT_TEST_LIBS)
endif

TESTS += tests/rtpstat/test-rtpstat
EXTRA_DIST += tests/rtpstat/test-rtpstat

dist_man_MANS += docs/dts-rtpstat.1
