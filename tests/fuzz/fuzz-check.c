/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check-cpu.h"
#include "check-lines.h"
#include "check-wire.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "util.h"

/* Fuzz-sources: libxl-ext/check-wire.c remus-hooks/lib/check-lines.c
 * Fuzz-sources: libxl-ext/check-files.c libxl-ext/check-cpu.c
 * Fuzz-includes: libxl-ext remus-hooks/lib
 *
 * A line of a check, as a request to the end that is root and as an answer to
 * the one that prints.  What is taken is within its bounds, and a request that
 * was taken says the same when it is written again.  The bytes of its CPU
 * policy are compared as if they were a guest's leaves. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* A CPU of two halves of the policy. */
static void
compare_cpus(const struct check_policy *p)
{
    size_t n = p->leaves_len / sizeof(struct check_leaf), n_guest = n / 2;
    struct check_leaf *leaves = xmalloc(p->leaves_len + 1);
    char *lacks;

    memcpy(leaves, p->leaves, n * sizeof *leaves);
    lacks = check_cpu_lacks(leaves, n_guest, leaves + n_guest, n - n_guest);
    free(lacks);
    lacks = check_cpu_lacks(leaves, n, leaves, n);
    ovs_assert(!lacks || strstr(lacks, "nothing of itself"));
    free(lacks);
    free(leaves);
}

static void
request(const struct json *json)
{
    struct check_request r, again;
    struct json *copy;

    if (!check_request_from_json(&r, json)) {
        ovs_assert(r.n_files <= CHECK_MAX_FILES);
        ovs_assert(r.n_scripts <= CHECK_MAX_SCRIPTS);
        ovs_assert(r.bulk_ms >= 0 && r.bulk_ms <= CHECK_MAX_BULK_MS);
        ovs_assert(r.policy.leaves_len <= CHECK_MAX_POLICY);
        ovs_assert(r.policy.msrs_len <= CHECK_MAX_POLICY);
        if (r.policy.leaves) {
            compare_cpus(&r.policy);
        }
        for (size_t i = 0; i < r.n_files; i++) {
            const struct check_file *f = &r.files[i];

            ovs_assert(f->path[0] == '/');
            ovs_assert(strlen(f->path) <= CHECK_MAX_PATH);
            ovs_assert(!f->hashed
                       || f->hashed == MIN(f->size, CHECK_HASH_ONE));
            ovs_assert(strlen(f->sha1) == (f->hashed ? 40 : 0));
        }
        copy = check_request_to_json(&r);
        ovs_assert(!check_request_from_json(&again, copy));
        ovs_assert(again.n_files == r.n_files && again.type == r.type);
        json_destroy(copy);
        check_request_uninit(&again);
    }
    check_request_uninit(&r);
}

static void
answer(const struct json *json)
{
    struct check_lines c;

    check_lines_init(&c, "");
    check_lines_from_json(&c, "peer", shash_find_data(json_object(json),
                                                      "checks"));
    ovs_assert(c.n <= CHECK_MAX_LINES);
    for (size_t i = 0; i < c.n; i++) {
        const char *text = c.lines[i].text;

        ovs_assert(strlen(text) <= CHECK_MAX_TEXT);
        for (; *text; text++) {
            ovs_assert(*text >= 0x20 && *text < 0x7f);
        }
    }
    check_lines_uninit(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct json *json = check_line_parse((const char *) data, n);

    if (json) {
        request(json);
        answer(json);
        json_destroy(json);
    }
    return 0;
}
