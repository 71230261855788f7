/* SPDX-License-Identifier: Apache-2.0 */
/* xl's header: see the header. */

#include <config.h>

#include "xl-header.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

#define MAGIC "Xen saved domain, xl format\n \0 \r"
#define BYTEORDER 0x01020304u
#define FLAG_JSON 1u
#define FLAG_STREAM_V2 2u

/* In this order in the header, each in the host's byte order. */
struct fields {
    uint32_t byteorder, mandatory, optional, len;
};
BUILD_ASSERT_DECL(32 + sizeof(struct fields) == XL_HEADER_LEN);

uint8_t *
xl_header_build(const char *json, size_t *n)
{
    uint32_t json_len = strlen(json) + 1;
    struct fields f = { BYTEORDER, FLAG_JSON | FLAG_STREAM_V2, 0,
                        json_len + sizeof json_len };
    uint8_t *p;

    *n = XL_HEADER_LEN + f.len;
    p = xmalloc(*n);
    memcpy(p, MAGIC, 32);
    memcpy(p + 32, &f, sizeof f);
    memcpy(p + XL_HEADER_LEN, &json_len, sizeof json_len);
    memcpy(p + XL_HEADER_LEN + sizeof json_len, json, json_len);
    return p;
}

const char *
xl_header_parse(const uint8_t header[XL_HEADER_LEN], size_t *n)
{
    struct fields f;

    memcpy(&f, header + 32, sizeof f);
    if (memcmp(header, MAGIC, 32)) {
        return "this is no stream of xl";
    } else if (f.byteorder != BYTEORDER) {
        return "the stream is of a machine with another byte order";
    } else if (f.mandatory & ~(FLAG_JSON | FLAG_STREAM_V2)) {
        return "the stream has flags of a newer xl";
    } else if (!(f.mandatory & FLAG_STREAM_V2)) {
        return "the stream is of a version before Xen 4.6";
    } else if (!(f.mandatory & FLAG_JSON)) {
        return "the domain's configuration is not JSON: an xl before 4.5?";
    } else if (f.len < 4 || f.len > XL_MAX_CONFIG) {
        return "the domain's configuration is missing or far too long";
    }
    *n = f.len;
    return NULL;
}

const char *
xl_config_parse(const uint8_t *data, size_t n, char **json)
{
    uint32_t len;

    if (n < sizeof len) {
        return "the domain's configuration is cut short";
    }
    memcpy(&len, data, sizeof len);
    if (!len || len > n - sizeof len) {
        return "the domain's configuration is cut short";
    }
    *json = xmemdup0((const char *) data + sizeof len, len);
    return NULL;
}
