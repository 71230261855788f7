/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_FRAMING_H
#define DTS_FRAMING_H 1

/* The framing of a Remus migration stream, as xl sends it to the command that
 * carries it: where a checkpoint is whole, and whether the headers make sense.
 *
 * Pure: it looks at headers only (and how many pages follow one), keeps no byte
 * of the stream, does no I/O.
 * Bytes may come in any pieces. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum framing_layer {
    FRAMING_XL_HEADER,          /* "Xen saved domain, xl format". */
    FRAMING_XL_CONFIG,          /* The domain's configuration. */
    FRAMING_LIBXL_HEADER,       /* "LibxlFmt". */
    FRAMING_LIBXL,              /* Records of libxl. */
    FRAMING_LIBXC_HEADER,       /* Image header and domain header. */
    FRAMING_LIBXC,              /* Records of libxc. */
    FRAMING_TAIL,               /* After libxl's END: not looked at. */
};

enum framing_event {
    FRAMING_MORE,               /* All was taken; nothing to tell. */
    FRAMING_CHECKPOINT,         /* The bytes taken end checkpoint
                                 * 'n_checkpoints'. */
    FRAMING_END,                /* The bytes taken end libxl's stream. */
    FRAMING_ERROR,              /* 'error' says why; nothing more is taken. */
};

/* No record may be longer (libxc's own limit), nor xl's configuration. */
#define FRAMING_MAX_RECORD (128u << 20)
#define FRAMING_MAX_CONFIG (16u << 20)

struct framing {
    enum framing_layer layer;
    uint64_t n_checkpoints;     /* Whole ones. */
    uint64_t n_bytes;           /* Taken so far. */
    uint64_t n_records;
    uint64_t n_pages;           /* Of the guest, in PAGE_DATA records. */
    uint32_t record_type;       /* Of the newest record, the layer's... */
    uint32_t record_len;        /* ...and its body's length, unpadded. */
    char error[160];            /* "" without an error. */

    /* What the headers said. */
    uint32_t config_len;
    uint32_t libxc_version;
    uint32_t guest_type;        /* 1: PV, 2: HVM or PVH. */
    uint32_t page_shift;
    uint32_t xen_major, xen_minor;

    /* Private. */
    uint8_t header[48];         /* The header being gathered... */
    size_t header_len;          /* ...its bytes so far... */
    uint64_t skip;              /* ...and the bytes to pass over before it. */
    bool had_image;             /* libxc's headers come once a stream. */
    uint8_t count_left;         /* Bytes of a PAGE_DATA's count to come... */
    uint32_t count;             /* ...and those that came. */
};

void framing_init(struct framing *);

/* Takes bytes from 'data', up to and including the end of a checkpoint or of
 * the stream.  Stores in '*event' what happened and returns how many were
 * taken: all 'n' with FRAMING_MORE. */
size_t framing_feed(struct framing *, const void *data, size_t n,
                    enum framing_event *event);

/* Bytes up to the end of the header, or of the body, that comes next: so many
 * at least have nothing else in them. */
uint64_t framing_left(const struct framing *);
/* True if that is a body. */
bool framing_in_body(const struct framing *);

const char *framing_layer_name(enum framing_layer);

#endif /* framing.h */
