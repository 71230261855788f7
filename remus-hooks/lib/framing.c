/* SPDX-License-Identifier: Apache-2.0 */
/* The framing of a Remus migration stream.
 *
 * Three layers write into one stream, in turns:
 *
 *   xl      a header of 48 bytes and the domain's configuration, once;
 *   libxl   a header of 16 bytes, then records; LIBXC_CONTEXT (1) hands over;
 *   libxc   an image header of 24 and a domain header of 16 bytes, then
 *           records; CHECKPOINT (0xe) or END (0) hands back to libxl, whose
 *           CHECKPOINT_END (4) ends the checkpoint and hands over to libxc
 *           again, this time without headers.
 *
 * A record is u32 type, u32 length and a body padded to 8 bytes, and the
 * numbers of the two layers collide: what a 4 means depends on whose turn it
 * is.  (Xen: docs/specs/libxl-migration-stream.pandoc and
 * libxc-migration-stream.pandoc, tools/xl/xl.h.)
 *
 * The receiver's failure detector stands on this: libxc takes any error in the
 * stream after the first checkpoint for the primary's death and starts the
 * copy.  So what does not make sense must be found before libxc sees it. */

#include <config.h>

#include "framing.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

#define XL_MAGIC "Xen saved domain, xl format\n \0 \r"
#define XL_BYTEORDER 0x01020304u
#define XL_MANDATORY_JSON 1u
#define XL_MANDATORY_STREAM_V2 2u

#define LIBXL_IDENT UINT64_C(0x4c6962786c466d74)
#define LIBXL_VERSION 2u

#define LIBXC_MARKER UINT64_MAX
#define LIBXC_ID 0x58454e46u

/* Sizes of headers. */
#define XL_HEADER_LEN 48
#define LIBXL_HEADER_LEN 16
#define LIBXC_HEADER_LEN (24 + 16)
#define RECORD_HEADER_LEN 8
BUILD_ASSERT_DECL(sizeof ((struct framing *) 0)->header >= XL_HEADER_LEN);

enum libxl_record {
    LIBXL_END = 0,
    LIBXL_LIBXC_CONTEXT = 1,
    LIBXL_EMULATOR_XENSTORE_DATA = 2,
    LIBXL_EMULATOR_CONTEXT = 3,
    LIBXL_CHECKPOINT_END = 4,
    LIBXL_CHECKPOINT_STATE = 5,         /* COLO only. */
};
enum libxc_record {
    LIBXC_END = 0,
    LIBXC_PAGE_DATA = 1,
    LIBXC_VERIFY = 0xd,
    LIBXC_CHECKPOINT = 0xe,
    LIBXC_LAST = 0x12,
};
#define OPTIONAL_RECORD 0x80000000u

void
framing_init(struct framing *f)
{
    memset(f, 0, sizeof *f);
}

const char *
framing_layer_name(enum framing_layer layer)
{
    static const char *const names[] = {
        [FRAMING_XL_HEADER] = "xl header",
        [FRAMING_XL_CONFIG] = "xl configuration",
        [FRAMING_LIBXL_HEADER] = "libxl header",
        [FRAMING_LIBXL] = "libxl record",
        [FRAMING_LIBXC_HEADER] = "libxc header",
        [FRAMING_LIBXC] = "libxc record",
        [FRAMING_TAIL] = "tail",
    };
    return names[layer];
}

static enum framing_event OVS_PRINTF_FORMAT(2, 3)
fail(struct framing *f, const char *format, ...)
{
    va_list args;
    int n;

    n = snprintf(f->error, sizeof f->error, "%s at byte %"PRIu64": ",
                 framing_layer_name(f->layer), f->n_bytes - f->header_len);
    va_start(args, format);
    vsnprintf(f->error + n, sizeof f->error - n, format, args);
    va_end(args);
    return FRAMING_ERROR;
}

/* Fields: xl's and the records' are little-endian (an x86 host's), those of
 * the image headers big-endian. */
static uint32_t
le32(const uint8_t *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t) p[3] << 24;
}

static uint32_t
be32(const uint8_t *p)
{
    return p[3] | p[2] << 8 | p[1] << 16 | (uint32_t) p[0] << 24;
}

static uint64_t
be64(const uint8_t *p)
{
    return (uint64_t) be32(p) << 32 | be32(p + 4);
}

static size_t
header_size(enum framing_layer layer)
{
    switch (layer) {
    case FRAMING_XL_HEADER: return XL_HEADER_LEN;
    case FRAMING_XL_CONFIG: return 4;
    case FRAMING_LIBXL_HEADER: return LIBXL_HEADER_LEN;
    case FRAMING_LIBXC_HEADER: return LIBXC_HEADER_LEN;
    case FRAMING_LIBXL:
    case FRAMING_LIBXC: return RECORD_HEADER_LEN;
    case FRAMING_TAIL: break;
    }
    OVS_NOT_REACHED();
}

static enum framing_event
xl_header(struct framing *f)
{
    uint32_t mandatory = le32(f->header + 36);

    if (memcmp(f->header, XL_MAGIC, 32)) {
        return fail(f, "not a stream of xl");
    } else if (le32(f->header + 32) != XL_BYTEORDER) {
        return fail(f, "byte order mark %#"PRIx32, le32(f->header + 32));
    } else if (mandatory & ~(XL_MANDATORY_JSON | XL_MANDATORY_STREAM_V2)) {
        return fail(f, "unknown mandatory flags %#"PRIx32, mandatory);
    } else if (!(mandatory & XL_MANDATORY_STREAM_V2)) {
        return fail(f, "not a stream of version 2");
    } else if (le32(f->header + 40)) {
        return fail(f, "unknown optional flags %#"PRIx32,
                    le32(f->header + 40));
    }
    f->config_len = le32(f->header + 44);
    if (f->config_len < 4 || f->config_len > FRAMING_MAX_CONFIG) {
        return fail(f, "configuration of %"PRIu32" bytes", f->config_len);
    }
    f->layer = FRAMING_XL_CONFIG;
    return FRAMING_MORE;
}

static enum framing_event
xl_config(struct framing *f)
{
    uint32_t len = le32(f->header);

    if (len > f->config_len - 4) {
        return fail(f, "%"PRIu32" bytes do not fit into %"PRIu32, len,
                    f->config_len - 4);
    }
    f->skip = f->config_len - 4;
    f->layer = FRAMING_LIBXL_HEADER;
    return FRAMING_MORE;
}

static enum framing_event
libxl_header(struct framing *f)
{
    if (be64(f->header) != LIBXL_IDENT) {
        return fail(f, "ident is %#"PRIx64, be64(f->header));
    } else if (be32(f->header + 8) != LIBXL_VERSION) {
        return fail(f, "version %"PRIu32" is not known", be32(f->header + 8));
    } else if (be32(f->header + 12)) {
        return fail(f, "options %#"PRIx32" (big-endian, legacy or unknown)",
                    be32(f->header + 12));
    }
    f->layer = FRAMING_LIBXL;
    return FRAMING_MORE;
}

static enum framing_event
libxc_header(struct framing *f)
{
    const uint8_t *dhdr = f->header + 24;

    if (be64(f->header) != LIBXC_MARKER) {
        return fail(f, "marker is %#"PRIx64, be64(f->header));
    } else if (be32(f->header + 8) != LIBXC_ID) {
        return fail(f, "id is %#"PRIx32, be32(f->header + 8));
    }
    f->libxc_version = be32(f->header + 12);
    if (f->libxc_version < 2 || f->libxc_version > 3) {
        return fail(f, "version %"PRIu32" is not known", f->libxc_version);
    } else if (f->header[16] || f->header[17]) {
        return fail(f, "options %#x (big-endian or unknown)",
                    f->header[16] << 8 | f->header[17]);
    }
    f->guest_type = le32(dhdr);
    f->page_shift = dhdr[4] | dhdr[5] << 8;
    f->xen_major = le32(dhdr + 8);
    f->xen_minor = le32(dhdr + 12);
    if (f->guest_type != 1 && f->guest_type != 2) {
        return fail(f, "guest type %"PRIu32" is not known", f->guest_type);
    } else if (f->page_shift < 12 || f->page_shift > 16) {
        return fail(f, "pages of 2^%"PRIu32" bytes", f->page_shift);
    }
    f->layer = FRAMING_LIBXC;
    return FRAMING_MORE;
}

/* A record's header is there. */
static enum framing_event
record_header(struct framing *f)
{
    uint32_t type = le32(f->header), len = le32(f->header + 4);
    bool libxl = f->layer == FRAMING_LIBXL;
    bool empty;

    if (libxl && type == LIBXL_CHECKPOINT_STATE) {
        return fail(f, "CHECKPOINT_STATE is COLO's, not Remus'");
    } else if (!(type & OPTIONAL_RECORD)
               && type > (libxl ? LIBXL_CHECKPOINT_STATE : LIBXC_LAST)) {
        return fail(f, "type %#"PRIx32" is not known", type);
    } else if (len > FRAMING_MAX_RECORD) {
        return fail(f, "type %#"PRIx32": %"PRIu32" bytes are too many", type,
                    len);
    }
    empty = (libxl ? type == LIBXL_END || type == LIBXL_LIBXC_CONTEXT
                     || type == LIBXL_CHECKPOINT_END
             : type == LIBXC_END || type == LIBXC_VERIFY
               || type == LIBXC_CHECKPOINT);
    if (empty && len) {
        return fail(f, "type %#"PRIx32" has no body, this one %"PRIu32
                    " bytes", type, len);
    }
    if (libxl && type == LIBXL_CHECKPOINT_END && !f->had_image) {
        return fail(f, "CHECKPOINT_END before the guest's memory");
    }
    if (libxl && type == LIBXL_LIBXC_CONTEXT && f->had_image) {
        return fail(f, "a second LIBXC_CONTEXT");
    }
    f->n_records++;
    f->record_type = type;
    f->record_len = len;
    f->skip = ROUND_UP((uint64_t) len, 8);
    f->count_left = !libxl && type == LIBXC_PAGE_DATA && len >= 8 ? 4 : 0;
    if (libxl) {
        if (type == LIBXL_LIBXC_CONTEXT) {
            f->layer = FRAMING_LIBXC_HEADER;
            f->had_image = true;
        } else if (type == LIBXL_CHECKPOINT_END) {
            f->layer = FRAMING_LIBXC;
            f->n_checkpoints++;
            return FRAMING_CHECKPOINT;
        } else if (type == LIBXL_END) {
            f->layer = FRAMING_TAIL;
            return FRAMING_END;
        }
    } else if (type == LIBXC_CHECKPOINT || type == LIBXC_END) {
        f->layer = FRAMING_LIBXL;
    }
    return FRAMING_MORE;
}

static enum framing_event
header_whole(struct framing *f)
{
    switch (f->layer) {
    case FRAMING_XL_HEADER: return xl_header(f);
    case FRAMING_XL_CONFIG: return xl_config(f);
    case FRAMING_LIBXL_HEADER: return libxl_header(f);
    case FRAMING_LIBXC_HEADER: return libxc_header(f);
    case FRAMING_LIBXL:
    case FRAMING_LIBXC: return record_header(f);
    case FRAMING_TAIL: break;
    }
    OVS_NOT_REACHED();
}

/* The body of a PAGE_DATA record begins with their number, then has 8 bytes for
 * each. */
static void
count_pages(struct framing *f, const uint8_t *body, size_t n)
{
    for (; f->count_left && n; n--) {
        f->count = f->count >> 8 | (uint32_t) *body++ << 24;
        if (!--f->count_left) {
            f->n_pages += MIN(f->count, (f->record_len - 8) / 8);
        }
    }
}

size_t
framing_feed(struct framing *f, const void *data_, size_t n,
             enum framing_event *event)
{
    const uint8_t *data = data_;
    size_t ofs = 0;

    *event = f->error[0] ? FRAMING_ERROR : FRAMING_MORE;
    while (*event == FRAMING_MORE && ofs < n) {
        size_t left = n - ofs, take;

        if (f->layer == FRAMING_TAIL) {
            take = left;
        } else if (f->skip) {
            take = MIN(f->skip, left);
            f->skip -= take;
            count_pages(f, data + ofs, take);
        } else {
            size_t size = header_size(f->layer);

            take = MIN(size - f->header_len, left);
            memcpy(f->header + f->header_len, data + ofs, take);
            f->header_len += take;
            if (f->header_len == size) {
                f->n_bytes += take;
                *event = header_whole(f);
                f->n_bytes -= take;
                f->header_len = 0;
            }
        }
        ofs += take;
        f->n_bytes += take;
    }
    return ofs;
}

bool
framing_in_body(const struct framing *f)
{
    return f->layer == FRAMING_TAIL || f->skip;
}

uint64_t
framing_left(const struct framing *f)
{
    return (f->layer == FRAMING_TAIL ? UINT64_MAX
            : f->skip ? f->skip
            : header_size(f->layer) - f->header_len);
}
