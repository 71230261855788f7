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
remus_hooks_rtpstat_dts_rtpstat_CPPFLAGS = $(AM_CPPFLAGS) \
	-DDTS_VERSION='"$(PACKAGE_VERSION)"'
RTPSTAT_LIBS = remus-hooks/rtpstat/librtpstat.la $(OVS_LIBS) \
	$(PCAP_LIBS) -lm
remus_hooks_rtpstat_dts_rtpstat_LDADD = $(RTPSTAT_LIBS)
