# SPDX-License-Identifier: Apache-2.0
scriptsdir = $(datadtsdir)/scripts
dist_scripts_SCRIPTS = remus-hooks/scripts/dts-ctl-daemon
