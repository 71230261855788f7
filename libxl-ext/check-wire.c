/* SPDX-License-Identifier: Apache-2.0 */
/* What the two ends of a check say to each other: see the header.
 *
 * The answering end runs as root and takes the request from whoever has a
 * certificate: each member has its bounds, and one that is out of them makes
 * the whole request nothing. */

#include <config.h>

#include "check-wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check-lines.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "util.h"

static const char *const type_names[] = {
    [CHECK_HVM] = "hvm", [CHECK_PV] = "pv", [CHECK_PVH] = "pvh",
};

void
check_request_uninit(struct check_request *r)
{
    free(r->version);
    free(r->xen);
    free(r->libxl);
    free(r->domain);
    free(r->policy.leaves);
    free(r->policy.msrs);
    for (size_t i = 0; i < r->n_files; i++) {
        check_file_uninit(&r->files[i]);
    }
    free(r->files);
    for (size_t i = 0; i < r->n_scripts; i++) {
        free(r->scripts[i]);
    }
}

/* Takes its strings over. */
void
check_request_add_file(struct check_request *r, const struct check_file *f)
{
    r->files = xrealloc(r->files, (r->n_files + 1) * sizeof *r->files);
    r->files[r->n_files++] = *f;
}

static const struct json *
member(const struct json *o, const char *name)
{
    return (o && o->type == JSON_OBJECT
            ? shash_find_data(json_object(o), name) : NULL);
}

const char *
check_string(const struct json *o, const char *name)
{
    const struct json *m = member(o, name);

    return m && m->type == JSON_STRING ? json_string(m) : "";
}

int64_t
check_int(const struct json *o, const char *name, int64_t dflt)
{
    const struct json *m = member(o, name);

    return m && m->type == JSON_INTEGER ? json_integer(m) : dflt;
}

bool
check_true(const struct json *o, const char *name)
{
    const struct json *m = member(o, name);

    return m && m->type == JSON_TRUE;
}

struct json *
check_line_parse(const char *line, size_t n)
{
    struct json_parser *parser;
    struct json *json;
    bool whole;

    if (memchr(line, '\0', n)) {
        return NULL;
    }
    parser = json_parser_create(0);
    whole = json_parser_feed(parser, line, n) == n;
    json = json_parser_finish(parser);
    if (json->type != JSON_OBJECT || !whole) {
        json_destroy(json);
        return NULL;
    }
    return json;
}

/* ----------------------------------------------------------------- writing */

static void
put_hex(struct json *o, const char *name, const uint8_t *data, size_t n)
{
    char *hex = xmalloc(2 * n + 1);

    for (size_t i = 0; i < n; i++) {
        snprintf(hex + 2 * i, 3, "%02x", data[i]);
    }
    hex[2 * n] = '\0';
    json_object_put(o, name, json_string_create_nocopy(hex));
}

static struct json *
file_to_json(const struct check_file *f)
{
    struct json *o = json_object_create();

    json_object_put_string(o, "kind", check_file_kind_name(f->kind));
    json_object_put_string(o, "what", f->what);
    json_object_put_string(o, "path", f->path);
    json_object_put(o, "size", json_integer_create(f->size));
    json_object_put(o, "hashed", json_integer_create(f->hashed));
    json_object_put_string(o, "sha1", f->sha1);
    return o;
}

struct json *
check_request_to_json(const struct check_request *r)
{
    struct json *o = json_object_create();
    struct json *files = json_array_create_empty();
    struct json *scripts = json_array_create_empty();

    json_object_put(o, "request", json_integer_create(1));
    json_object_put_string(o, "version", r->version);
    json_object_put_string(o, "xen", r->xen);
    json_object_put_string(o, "libxl", r->libxl);
    json_object_put_string(o, "domain", r->domain);
    json_object_put_string(o, "type", type_names[r->type]);
    json_object_put(o, "need_kb", json_integer_create(r->need_kb));
    json_object_put(o, "bulk_ms", json_integer_create(r->bulk_ms));
    if (r->policy.leaves) {
        put_hex(o, "cpuid", r->policy.leaves, r->policy.leaves_len);
        put_hex(o, "msrs", r->policy.msrs, r->policy.msrs_len);
    }
    for (size_t i = 0; i < r->n_files; i++) {
        json_array_add(files, file_to_json(&r->files[i]));
    }
    json_object_put(o, "files", files);
    for (size_t i = 0; i < r->n_scripts; i++) {
        json_array_add(scripts, json_string_create(r->scripts[i]));
    }
    json_object_put(o, "scripts", scripts);
    return o;
}

/* ----------------------------------------------------------------- reading */

/* A path that may be looked at; of no use for anything but that. */
static bool
path_is_ok(const char *path)
{
    return path[0] == '/' && strlen(path) <= CHECK_MAX_PATH;
}

static char *
short_string(const struct json *o, const char *name)
{
    return check_printable(check_string(o, name), 64);
}

/* Returns false if it is longer than 'max', or no such thing.  An empty one is
 * NULL. */
static bool
get_hex(const struct json *o, const char *name, size_t max, uint8_t **data,
        size_t *n)
{
    const char *hex = check_string(o, name);
    size_t len = strlen(hex);

    *data = NULL;
    *n = len / 2;
    if (len % 2 || *n > max) {
        return false;
    } else if (!len) {
        return true;
    }
    *data = xmalloc(*n);
    for (size_t i = 0; i < *n; i++) {
        bool ok;

        (*data)[i] = hexits_value(hex + 2 * i, 2, &ok);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool
sha1_is_ok(const char *s, bool wanted)
{
    return (wanted ? strlen(s) == 40
                     && strspn(s, "0123456789abcdef") == 40 : !s[0]);
}

static const char *
get_file(struct check_request *r, const struct json *json)
{
    const char *path = check_string(json, "path");
    const char *sha1 = check_string(json, "sha1");
    int64_t size = check_int(json, "size", -1);
    int64_t hashed = check_int(json, "hashed", -1);
    struct check_file f = { .size = size, .hashed = hashed };

    if (!check_file_kind_from_name(check_string(json, "kind"), &f.kind)) {
        return "a file of an unknown kind";
    } else if (!path_is_ok(path)) {
        return "a file without a proper path";
    } else if (size < 0
               || (hashed && hashed != MIN(size, CHECK_HASH_ONE))
               || !sha1_is_ok(sha1, hashed > 0)) {
        return "a file whose size or checksum makes no sense";
    }
    f.what = short_string(json, "what");
    f.path = xstrdup(path);
    ovs_strlcpy(f.sha1, sha1, sizeof f.sha1);
    check_request_add_file(r, &f);
    return NULL;
}

static const char *
get_files(struct check_request *r, const struct json *array)
{
    if (!array || array->type != JSON_ARRAY
        || json_array(array)->n > CHECK_MAX_FILES) {
        return "no list of files, or one that is too long";
    }
    for (size_t i = 0; i < json_array(array)->n; i++) {
        const char *error = get_file(r, json_array(array)->elems[i]);

        if (error) {
            return error;
        }
    }
    return NULL;
}

static const char *
get_scripts(struct check_request *r, const struct json *array)
{
    if (!array || array->type != JSON_ARRAY
        || json_array(array)->n > CHECK_MAX_SCRIPTS) {
        return "no list of scripts, or one that is too long";
    }
    for (size_t i = 0; i < json_array(array)->n; i++) {
        const struct json *s = json_array(array)->elems[i];

        if (s->type != JSON_STRING || !path_is_ok(json_string(s))) {
            return "a script without a proper path";
        }
        r->scripts[r->n_scripts++] = xstrdup(json_string(s));
    }
    return NULL;
}

const char *
check_request_from_json(struct check_request *r, const struct json *json)
{
    const char *type = check_string(json, "type");
    int64_t need, bulk;
    const char *error;

    memset(r, 0, sizeof *r);
    if (check_int(json, "request", 0) != 1) {
        return "no request of a kind that is known here";
    }
    while (strcmp(type, type_names[r->type])) {
        if (++r->type == ARRAY_SIZE(type_names)) {
            r->type = 0;
            return "a domain of an unknown type";
        }
    }
    need = check_int(json, "need_kb", -1);
    bulk = check_int(json, "bulk_ms", -1);
    if (need < 0 || need > INT64_C(1) << 42 || bulk < 0
        || bulk > CHECK_MAX_BULK_MS) {
        return "a number that makes no sense";
    }
    r->need_kb = need;
    r->bulk_ms = bulk;
    r->version = short_string(json, "version");
    r->xen = short_string(json, "xen");
    r->libxl = short_string(json, "libxl");
    r->domain = xstrdup(check_string(json, "domain"));
    if (!get_hex(json, "cpuid", CHECK_MAX_POLICY, &r->policy.leaves,
                 &r->policy.leaves_len)
        || !get_hex(json, "msrs", CHECK_MAX_POLICY, &r->policy.msrs,
                    &r->policy.msrs_len)) {
        return "a CPU policy that is none";
    }
    error = get_files(r, shash_find_data(json_object(json), "files"));
    return (error ? error
            : get_scripts(r, shash_find_data(json_object(json), "scripts")));
}

const char *
check_lines_lack(const struct check_lines *c, size_t from)
{
    if (from >= c->n) {
        return "the answer lacks everything";
    }
    for (size_t i = from; i < c->n; i++) {
        if (c->lines[i].level == CHECK_FAIL
            || !strcmp(c->lines[i].id, "binding")) {
            return NULL;
        }
    }
    return "the answer lacks the line about the binding";
}

const char *
check_lines_from_json(struct check_lines *c, const char *node,
                      const struct json *array)
{
    if (!array || array->type != JSON_ARRAY) {
        return "the lines are no array";
    }
    for (size_t i = 0; i < json_array(array)->n; i++) {
        const struct json *line = json_array(array)->elems[i];
        const char *id, *name, *text, *remedy;
        enum check_level level;
        char *id_copy;

        if (i >= CHECK_MAX_LINES) {
            return "there are too many lines";
        }
        if (line->type != JSON_OBJECT) {
            return "a line is no object";
        }
        id = check_string(line, "check");
        name = check_string(line, "level");
        text = check_string(line, "text");
        remedy = check_string(line, "remedy");
        if (!id[0] || !check_level_from_name(name, &level) || !text[0]
            || (level == CHECK_OK) != !remedy[0]) {
            return "a line lacks something";
        }
        id_copy = check_printable(id, 32);
        check_add(c, level, id_copy, node,
                  remedy[0] ? check_printable(remedy, CHECK_MAX_TEXT) : NULL,
                  check_printable(text, CHECK_MAX_TEXT));
        free(id_copy);
    }
    return NULL;
}
