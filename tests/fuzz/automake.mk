# SPDX-License-Identifier: Apache-2.0
# `make check-fuzz`: each tests/fuzz/fuzz-*.c for a short while (libFuzzer);
# `make fuzz`: for ten minutes each.

.PHONY: check-fuzz fuzz fuzz-flags fuzz-libs
check-fuzz: $(BUILT_SOURCES)
	@$(top_srcdir)/tests/fuzz/run --build=. $(FUZZ_ARGS); rc=$$?; \
	  test $$rc = 0 || test $$rc = 77
fuzz:
	@$(MAKE) check-fuzz FUZZ_ARGS=--full
fuzz-flags:
	@echo '$(DEFS) $(subst ','\'',$(AM_CPPFLAGS)) $(NL_CFLAGS) $(XENSTORE_CFLAGS)'
fuzz-libs:
	@echo '$(OVS_LIBS) $(PACK_LIBS) $(PCAP_LIBS) $(NL_LIBS)'

EXTRA_DIST += tests/fuzz/run tests/fuzz/make-corpus tests/fuzz/corpus \
	tests/fuzz/fake.c tests/fuzz/fake.h \
	tests/fuzz/fuzz-agent.c \
	tests/fuzz/fuzz-answers.c \
	tests/fuzz/fuzz-arguments.c \
	tests/fuzz/fuzz-check.c \
	tests/fuzz/fuzz-children.c \
	tests/fuzz/fuzz-database.c \
	tests/fuzz/fuzz-framing.c \
	tests/fuzz/fuzz-guests.c \
	tests/fuzz/fuzz-helper-frames.c \
	tests/fuzz/fuzz-openflow.c \
	tests/fuzz/fuzz-pack.c \
	tests/fuzz/fuzz-pcap.c \
	tests/fuzz/fuzz-receiver.c \
	tests/fuzz/fuzz-rtp.c \
	tests/fuzz/fuzz-rtpstat-options.c \
	tests/fuzz/fuzz-sender.c \
	tests/fuzz/fuzz-wire.c \
	tests/fuzz/fuzz-xenstore.c
