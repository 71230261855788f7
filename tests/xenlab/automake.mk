# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += tests/demo tests/xenlab/README.md \
	tests/xenlab/build tests/xenlab/call.sh tests/xenlab/call/probe.c \
	tests/xenlab/call/ask.py tests/xenlab/call/caller.c tests/xenlab/call/delays.py tests/xenlab/call/transfer.py \
	tests/xenlab/call/uac.xml tests/xenlab/dom0-init \
	tests/xenlab/dom0-modules tests/xenlab/dts.sh tests/xenlab/guest/echod.c \
	tests/xenlab/guest/init tests/xenlab/guest/patient.c tests/xenlab/guest/prompt.c tests/xenlab/guest/uas.xml \
	tests/xenlab/guest/writer.c tests/xenlab/lab \
	tests/xenlab/bench tests/xenlab/bench-report \
	tests/xenlab/ipsec.sh tests/xenlab/lib.sh tests/xenlab/library.sh tests/xenlab/own.sh \
	tests/xenlab/packages.sh tests/xenlab/report tests/xenlab/run \
	tests/xenlab/scenarios.sh tests/xenlab/stamp tests/xenlab/stock.sh \
	debian/changelog debian/control debian/copyright \
	debian/default/remus-dts-agent debian/default/remus-dts-db \
	debian/default/remus-dts-link debian/libremusdts-dev.install \
	debian/remus-dts-common.dirs debian/remus-dts-common.dts-agent.service \
	debian/remus-dts-common.install debian/remus-dts-common.logrotate \
	debian/remus-dts-common.tmpfiles debian/remus-dts-gateway.dirs \
	debian/remus-dts-gateway.dts-db.service \
	debian/remus-dts-gateway.install \
	debian/remus-dts-server.dts-link.service \
	debian/remus-dts-server.install debian/remus-dts-server.links \
	debian/remus-dts-server.xl-remus@.service debian/default/remus-dts-protect \
	debian/libremusdts-dev.examples debian/not-installed \
	debian/rules debian/source/format
