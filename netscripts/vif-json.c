/* SPDX-License-Identifier: Apache-2.0 */
/* Small pieces of OVSDB's notation (RFC 7047), for requests that are made by
 * hand and answers that are read by hand: see vif-txn.c and buf-txn.c. */

#include <config.h>

#include "vif-json.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/shash.h"
#include "util.h"

/* Requests. */

struct json *
vj_pair(const char *a, struct json *b)
{
    return json_array_create_2(json_string_create(a), b);
}

struct json *
vj_pair_s(const char *a, const char *b)
{
    return vj_pair(a, json_string_create(b));
}

struct json *
vj_strings(const char *s[], size_t n)
{
    struct json **elems = xmalloc(n * sizeof *elems);
    size_t i;

    for (i = 0; i < n; i++) {
        elems[i] = json_string_create(s[i]);
    }
    return json_array_create(elems, n);
}

/* [[COLUMN, FUNCTION, VALUE]] */
struct json *
vj_where(const char *column, const char *function, struct json *value)
{
    return json_array_create_1(
        json_array_create_3(json_string_create(column),
                            json_string_create(function), value));
}

struct json *
vj_where_name(const char *name)
{
    return vj_where("name", "==", json_string_create(name));
}

struct json *
vj_op(const char *name, const char *table, struct json *where_)
{
    struct json *o = json_object_create();

    json_object_put_string(o, "op", name);
    if (table) {
        json_object_put_string(o, "table", table);
    }
    if (where_) {
        json_object_put(o, "where", where_);
    }
    return o;
}

struct json *
vj_select(const char *table, struct json *where_, const char *columns[],
          size_t n)
{
    struct json *o = vj_op("select", table, where_);

    json_object_put(o, "columns", vj_strings(columns, n));
    return o;
}

struct json *
vj_mutate(const char *table, struct json *where_, const char *column,
          const char *mutator, struct json *value)
{
    struct json *o = vj_op("mutate", table, where_);

    json_object_put(o, "mutations", vj_where(column, mutator, value));
    return o;
}

/* Waits for rows of 'table' named 'name' to be (or not to be) 'row'. */
struct json *
vj_wait(const char *table, const char *name, const char *column,
        const char *until, struct json *value, int timeout_ms)
{
    struct json *o = vj_op("wait", table, vj_where_name(name));
    struct json *row = json_object_create();

    json_object_put(row, column, value);
    json_object_put(o, "timeout", json_integer_create(timeout_ms));
    json_object_put(o, "columns",
                    json_array_create_1(json_string_create(column)));
    json_object_put_string(o, "until", until);
    json_object_put(o, "rows", json_array_create_1(row));
    return o;
}

struct json *
vj_empty_set(void)
{
    return vj_pair("set", json_array_create_empty());
}

void
vj_add_insert(struct json *params, const char *table, struct json *row,
           const char *name)
{
    struct json *o = vj_op("insert", table, NULL);

    json_object_put(o, "row", row);
    json_object_put_string(o, "uuid-name", name);
    json_array_add(params, o);
}

void
vj_add_remove_port(struct json *params, const char *port)
{
    json_array_add(params,
        vj_mutate("Bridge", vj_where("ports", "includes", vj_pair_s("uuid", port)),
                  "ports", "delete", vj_pair_s("uuid", port)));
}

/* Answers. */

const char *
vj_member(const struct json *object, const char *name)
{
    const struct json *m = (object && object->type == JSON_OBJECT
                            ? shash_find_data(json_object(object), name)
                            : NULL);
    return m && m->type == JSON_STRING ? json_string(m) : NULL;
}

/* The first row of the 'n'th result, which was a select; NULL if none. */
const struct json *
vj_first_row(const struct json *result, size_t n)
{
    const struct json *rows;

    if (result->type != JSON_ARRAY || json_array(result)->n <= n
        || json_array(result)->elems[n]->type != JSON_OBJECT) {
        return NULL;
    }
    rows = shash_find_data(json_object(json_array(result)->elems[n]), "rows");
    return (rows && rows->type == JSON_ARRAY && json_array(rows)->n
            && json_array(rows)->elems[0]->type == JSON_OBJECT
            ? json_array(rows)->elems[0] : NULL);
}

/* The value of 'key' in the map 'column' of 'row', or NULL. */
const char *
vj_map_value(const struct json *row, const char *column, const char *key)
{
    const struct json *map, *pairs;
    size_t i;

    map = row ? shash_find_data(json_object(row), column) : NULL;
    if (!map || map->type != JSON_ARRAY || json_array(map)->n != 2
        || json_array(map)->elems[1]->type != JSON_ARRAY) {
        return NULL;
    }
    pairs = json_array(map)->elems[1];
    for (i = 0; i < json_array(pairs)->n; i++) {
        const struct json *p = json_array(pairs)->elems[i];

        if (p->type == JSON_ARRAY && json_array(p)->n == 2
            && json_array(p)->elems[0]->type == JSON_STRING
            && json_array(p)->elems[1]->type == JSON_STRING
            && !strcmp(json_string(json_array(p)->elems[0]), key)) {
            return json_string(json_array(p)->elems[1]);
        }
    }
    return NULL;
}

char *
vif_result_check(const struct json *result)
{
    size_t i;

    if (!result || result->type != JSON_ARRAY) {
        return xstrdup("ovsdb-server's answer is not understood");
    }
    for (i = 0; i < json_array(result)->n; i++) {
        const struct json *r = json_array(result)->elems[i];
        const char *error = vj_member(r, "error");

        if (error) {
            const char *details = vj_member(r, "details");

            return xasprintf("ovsdb-server: %s%s%s", error,
                             details ? ": " : "", details ? details : "");
        }
    }
    return NULL;
}

char *
vj_uuid(const struct json *row)
{
    const struct json *uuid
        = row ? shash_find_data(json_object(row), "_uuid") : NULL;

    return (uuid && uuid->type == JSON_ARRAY && json_array(uuid)->n == 2
            && json_array(uuid)->elems[1]->type == JSON_STRING
            ? xstrdup(json_string(json_array(uuid)->elems[1])) : NULL);
}
