# SPDX-License-Identifier: Apache-2.0
# The hook scripts that come with the agent (docs/hooks.md).
dtshookdir = $(sysconfdir)/remus-dts/hooks.d
hookfencedir = $(dtshookdir)/fence
dist_hookfence_SCRIPTS = remus-hooks/hooks.d/fence/10-pause
hookunfencedir = $(dtshookdir)/unfence
dist_hookunfence_SCRIPTS = remus-hooks/hooks.d/unfence/10-unpause
hookresumedir = $(dtshookdir)/resume
dist_hookresume_SCRIPTS = remus-hooks/hooks.d/resume/10-resume
hookunbufferdir = $(dtshookdir)/unbuffer
dist_hookunbuffer_SCRIPTS = remus-hooks/hooks.d/unbuffer/10-unbuffer
hookcleanupdir = $(dtshookdir)/cleanup
dist_hookcleanup_SCRIPTS = remus-hooks/hooks.d/cleanup/10-destroy
EXTRA_DIST += docs/hooks.md
