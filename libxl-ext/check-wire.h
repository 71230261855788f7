/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CHECK_WIRE_H
#define DTS_CHECK_WIRE_H 1

/* What the two ends of a check say to each other (docs/protocol.md, section
 * 2): lines, each a JSON object.
 *
 * Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check-files.h"

struct check_lines;
struct json;

#define CHECK_MAX_LINE (256 * 1024)
#define CHECK_MAX_SCRIPTS 16
#define CHECK_MAX_POLICY 32768          /* Bytes of CPUID, or of MSRs. */
#define CHECK_MAX_BULK_MS 5000

/* Architectural descriptions of a guest's CPU, in libxc's structures. */
struct check_policy {
    uint8_t *leaves, *msrs;             /* NULL: none. */
    size_t leaves_len, msrs_len;
};

enum check_type { CHECK_HVM, CHECK_PV, CHECK_PVH };

struct check_request {
    char *version;              /* Of remus-dts. */
    char *xen;                  /* "4.17" */
    char *libxl;                /* "libxenlight.so.4.17" */
    char *domain;
    enum check_type type;
    uint64_t need_kb;           /* Memory of the copy; 0: not known. */
    int bulk_ms;                /* 0: no bandwidth is to be measured. */
    struct check_policy policy;
    struct check_file *files;
    size_t n_files;
    char *scripts[CHECK_MAX_SCRIPTS];   /* Of the vifs. */
    size_t n_scripts;
};
void check_request_uninit(struct check_request *);
void check_request_add_file(struct check_request *, const struct check_file *);

struct json *check_request_to_json(const struct check_request *);
/* NULL, or why it is not to be dealt with.  The other end may be anybody. */
const char *check_request_from_json(struct check_request *,
                                    const struct json *);

/* One object in a line of 'n' bytes; NULL: it is not one. */
struct json *check_line_parse(const char *, size_t n);

/* Members of an object; the default if they are not there or of another
 * type. */
const char *check_string(const struct json *, const char *name);
int64_t check_int(const struct json *, const char *name, int64_t dflt);
bool check_true(const struct json *, const char *name);

/* Adds the lines of such an array, which 'node' says and nobody vouches for:
 * what cannot be printed becomes '?'.  Returns NULL, or what is wrong with
 * it (lines before that are added). */
const char *check_lines_from_json(struct check_lines *, const char *node,
                                  const struct json *);

/* Are the lines from 'from' on, another node's, an answer?  NULL, or what it
 * lacks.  (One that says what fails need not say more.) */
const char *check_lines_lack(const struct check_lines *, size_t from);

#endif /* check-wire.h */
