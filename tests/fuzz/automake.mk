# SPDX-License-Identifier: Apache-2.0
# `make check-fuzz`: each tests/fuzz/fuzz-*.c for a short while (libFuzzer).

.PHONY: check-fuzz fuzz-flags fuzz-libs
check-fuzz: $(BUILT_SOURCES)
	@$(top_srcdir)/tests/fuzz/run --build=.; rc=$$?; \
	  test $$rc = 0 || test $$rc = 77
fuzz-flags:
	@echo '$(DEFS) $(subst ','\'',$(AM_CPPFLAGS))'
fuzz-libs:
	@echo '$(OVS_LIBS) $(PACK_LIBS)'

EXTRA_DIST += tests/fuzz/run tests/fuzz/make-corpus tests/fuzz/corpus \
	tests/fuzz/fuzz-check.c \
	tests/fuzz/fuzz-framing.c tests/fuzz/fuzz-helper-frames.c \
	tests/fuzz/fuzz-pack.c tests/fuzz/fuzz-rtp.c \
	tests/fuzz/fuzz-wire.c
