/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_XL_HEADER_H
#define DTS_XL_HEADER_H 1

/* What xl says before a domain's stream: the receiver's banner, then the
 * sender's header and the domain's configuration (Xen: tools/xl/xl.h,
 * "Saved files").  The engine says the same, so that both of its ends go
 * together with stock xl.
 *
 * Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XL_BANNER "xl migration receiver ready, send binary domain data.\n"

#define XL_HEADER_LEN 48
#define XL_MAX_CONFIG (16u << 20)

/* Header and configuration ('json', a string) as bytes; '*n' is set.  To be
 * freed. */
uint8_t *xl_header_build(const char *json, size_t *n);

/* The header: returns NULL and in '*n' how many bytes follow, or an error. */
const char *xl_header_parse(const uint8_t header[XL_HEADER_LEN], size_t *n);
/* What follows: NULL and the configuration (a string, to be freed), or an
 * error. */
const char *xl_config_parse(const uint8_t *, size_t n, char **json);

#endif /* xl-header.h */
