# SPDX-License-Identifier: Apache-2.0

dist_man_MANS += docs/dts-agent.8
EXTRA_DIST += docs/protocol.md
