# SPDX-License-Identifier: Apache-2.0

sbin_PROGRAMS += remus-hooks/link/dts-link
remus_hooks_link_dts_link_SOURCES = \
	remus-hooks/link/child.c remus-hooks/link/child.h \
	remus-hooks/link/detector.h \
	remus-hooks/link/dts-link.c \
	remus-hooks/link/heartbeat.c remus-hooks/link/heartbeat.h \
	remus-hooks/link/hold.c remus-hooks/link/hold.h \
	remus-hooks/link/link.h \
	remus-hooks/link/listen.c \
	remus-hooks/link/peer.c remus-hooks/link/peer.h \
	remus-hooks/link/receive.c \
	remus-hooks/link/send.c \
	remus-hooks/link/session.c \
	remus-hooks/link/wire.c remus-hooks/link/wire.h
remus_hooks_link_dts_link_LDADD = $(DTS_LIBS)
