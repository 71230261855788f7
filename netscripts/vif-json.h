/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VIF_JSON_H
#define VIF_JSON_H 1

/* Small pieces of OVSDB's notation (RFC 7047): requests and answers. */

#include <stddef.h>
#include "openvswitch/json.h"

struct json *vj_pair(const char *, struct json *);
struct json *vj_pair_s(const char *, const char *);
struct json *vj_strings(const char *[], size_t n);
struct json *vj_empty_set(void);
/* [[COLUMN, FUNCTION, VALUE]]: a condition, or a mutation. */
struct json *vj_where(const char *column, const char *function,
                      struct json *value);
struct json *vj_where_name(const char *name);

/* Operations; 'where_' is taken over. */
struct json *vj_op(const char *name, const char *table, struct json *where_);
struct json *vj_select(const char *table, struct json *where_,
                       const char *columns[], size_t n);
struct json *vj_mutate(const char *table, struct json *where_,
                       const char *column, const char *mutator,
                       struct json *value);
/* Waits for rows of 'table' named 'name' to be (or not to be) 'value'. */
struct json *vj_wait(const char *table, const char *name, const char *column,
                     const char *until, struct json *value, int timeout_ms);
void vj_add_insert(struct json *params, const char *table, struct json *row,
                   const char *name);
/* Takes the port with that UUID out of its bridge. */
void vj_add_remove_port(struct json *params, const char *uuid);

/* The string 'name' of an object, or NULL. */
const char *vj_member(const struct json *object, const char *name);
/* The first row of the 'n'th result, which was a select; NULL if none. */
const struct json *vj_first_row(const struct json *result, size_t n);
/* The value of 'key' in the map 'column' of 'row', or NULL. */
const char *vj_map_value(const struct json *row, const char *column,
                         const char *key);
/* The _uuid of 'row', to be freed; NULL if it has none. */
char *vj_uuid(const struct json *row);

/* NULL, or what the server refused, to be freed. */
char *vif_result_check(const struct json *result);

#endif /* vif-json.h */
