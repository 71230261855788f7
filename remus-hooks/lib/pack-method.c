/* SPDX-License-Identifier: Apache-2.0 */
/* The compressors of the packed stream: lz4 and zstd, as far as this build has
 * them.  Each block is compressed by itself: what is alike between checkpoints
 * is the cache's business, and a block needs no memory of others. */

#include <config.h>
#include "dts-config.h"

#include "pack-private.h"

#include <stdlib.h>
#ifdef HAVE_LZ4
#include <lz4.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#define ZSTD_LEVEL 1            /* A checkpoint must not wait for us. */

struct pack_context {
    enum pack_method method;
#ifdef HAVE_LZ4
    void *lz4;
#endif
#ifdef HAVE_ZSTD
    ZSTD_CCtx *zstd;
    ZSTD_DCtx *unzstd;
#endif
};

static const char *const names[] = {
    [PACK_STORED] = "none",
    [PACK_LZ4] = "lz4",
    [PACK_ZSTD] = "zstd",
};

const char *
pack_method_name(enum pack_method method)
{
    return names[method];
}

bool
pack_method_from_name(const char *name, enum pack_method *method)
{
    for (int i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(name, names[i])) {
            *method = i;
            return true;
        }
    }
    return false;
}

bool
pack_method_supported(enum pack_method method)
{
    switch (method) {
    case PACK_STORED:
        return true;
    case PACK_LZ4:
#ifdef HAVE_LZ4
        return true;
#else
        return false;
#endif
    case PACK_ZSTD:
#ifdef HAVE_ZSTD
        return true;
#else
        return false;
#endif
    }
    return false;
}

enum pack_method
pack_method_default(void)
{
    return pack_method_supported(PACK_LZ4) ? PACK_LZ4 : PACK_STORED;
}

struct pack_context *
pack_context_create(enum pack_method method)
{
    struct pack_context *c = xzalloc(sizeof *c);

    c->method = method;
#ifdef HAVE_LZ4
    c->lz4 = method == PACK_LZ4 ? xmalloc(LZ4_sizeofState()) : NULL;
#endif
#ifdef HAVE_ZSTD
    if (method == PACK_ZSTD) {
        c->zstd = ZSTD_createCCtx();
        if (!c->zstd) {
            out_of_memory();
        }
    }
#endif
    return c;
}

void
pack_context_destroy(struct pack_context *c)
{
    if (c) {
#ifdef HAVE_LZ4
        free(c->lz4);
#endif
#ifdef HAVE_ZSTD
        ZSTD_freeCCtx(c->zstd);
        ZSTD_freeDCtx(c->unzstd);
#endif
        free(c);
    }
}

size_t
pack_compress(struct pack_context *c, const void *in, size_t n, void *out,
              size_t max)
{
    switch (c->method) {
    case PACK_STORED:
        break;
    case PACK_LZ4: {
#ifdef HAVE_LZ4
        int len = LZ4_compress_fast_extState(c->lz4, in, out, n, max, 1);

        return MAX(len, 0);
#else
        break;
#endif
    }
    case PACK_ZSTD: {
#ifdef HAVE_ZSTD
        size_t len = ZSTD_compressCCtx(c->zstd, out, max, in, n, ZSTD_LEVEL);

        return ZSTD_isError(len) ? 0 : len;
#else
        break;
#endif
    }
    }
    return 0;
}

bool
pack_decompress(struct pack_context *c, enum pack_method method,
                const void *in, size_t n_in, void *out, size_t n_out)
{
    switch (method) {
    case PACK_STORED:
        break;
    case PACK_LZ4:
#ifdef HAVE_LZ4
        return LZ4_decompress_safe(in, out, n_in, n_out) == (int) n_out;
#else
        break;
#endif
    case PACK_ZSTD:
#ifdef HAVE_ZSTD
        if (!c->unzstd) {
            c->unzstd = ZSTD_createDCtx();
            if (!c->unzstd) {
                out_of_memory();
            }
        }
        return ZSTD_decompressDCtx(c->unzstd, out, n_out, in, n_in) == n_out;
#else
        break;
#endif
    }
    return false;
}
