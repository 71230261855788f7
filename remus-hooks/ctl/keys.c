/* SPDX-License-Identifier: Apache-2.0 */

/* KEY=VALUE arguments (see keys.h). */

#include <config.h>
#include "keys.h"

#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "ovsdb-data.h"
#include "ovsdb-idl-provider.h"
#include "ovsdb-idl.h"
#include "suggest.h"
#include "svec.h"
#include "util.h"
#include "values.h"

static const struct ovsdb_idl_column *
find_column(const struct ovsdb_idl_row *row, const char *name)
{
    const struct ovsdb_idl_table_class *class = row->table->class_;

    for (size_t i = 0; i < class->n_columns; i++) {
        if (!strcmp(class->columns[i].name, name)) {
            return &class->columns[i];
        }
    }
    OVS_NOT_REACHED();
}

/* "Write one of a, b" or "a number from 1 to 5", for the messages. */
static char *
describe_type(const struct ovsdb_base_type *base)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    if (base->enum_) {
        ds_put_cstr(&ds, "write one of ");
        for (size_t i = 0; i < base->enum_->n; i++) {
            ds_put_format(&ds, "%s%s", i ? ", " : "",
                          json_string(base->enum_->keys[i].s));
        }
    } else if (base->type == OVSDB_TYPE_INTEGER) {
        if (base->integer.max == INT64_MAX) {
            ds_put_format(&ds, "write a number of %lld or more",
                          (long long int) base->integer.min);
        } else {
            ds_put_format(&ds, "write a number from %lld to %lld",
                          (long long int) base->integer.min,
                          (long long int) base->integer.max);
        }
    } else {
        ds_put_cstr(&ds, "this value does not fit");
    }
    return ds_steal_cstr(&ds);
}

void
set_scalar(struct ctl_context *ctx, const struct ovsdb_idl_row *row,
           const struct key *key, const char *name, const char *value)
{
    const struct ovsdb_idl_column *column = find_column(row, key->column);
    struct ovsdb_datum datum;
    union ovsdb_atom atom;

    if (!value[0]) {
        if (column->type.n_min) {
            fail(ctx, DTS_EXIT_USAGE, "%s: a value is needed", name);
            return;
        }
        ovsdb_datum_init_empty(&datum);
    } else {
        char *error = ovsdb_atom_from_string(&atom, NULL, &column->type.key,
                                             value, NULL);
        if (error) {
            char *type = describe_type(&column->type.key);
            fail(ctx, DTS_EXIT_USAGE, "%s=%s: %s", name, value, type);
            free(type);
            free(error);
            return;
        }
        ovsdb_datum_init_empty(&datum);
        ovsdb_datum_add_unsafe(&datum, &atom, NULL, &column->type, NULL);
        ovsdb_atom_destroy(&atom, column->type.key.type);
    }
    ovsdb_idl_txn_write(row, column, &datum);
}

void
set_map_key(struct ctl_context *ctx, const struct ovsdb_idl_row *row,
            const struct key *key, const char *name, const char *value)
{
    const struct ovsdb_idl_column *column = find_column(row, key->column);
    struct ovsdb_datum datum;
    struct ovsdb_datum old;

    name = strchr(name, ':') + 1;
    if (!name[0]) {
        fail(ctx, DTS_EXIT_USAGE, "write %sKEY=VALUE", key->name);
        return;
    }

    union ovsdb_atom k = { .s = ovsdb_atom_string_create(
                               CONST_CAST(char *, name)) };
    union ovsdb_atom v = { .s = ovsdb_atom_string_create(
                               CONST_CAST(char *, value)) };
    ovsdb_datum_clone(&datum, ovsdb_idl_read(row, column));
    ovsdb_datum_init_empty(&old);
    ovsdb_datum_add_unsafe(&old, &k, &v, &column->type, NULL);
    unsigned int i;
    if (ovsdb_datum_find_key(&datum, &k, OVSDB_TYPE_STRING, &i)) {
        ovsdb_datum_remove_unsafe(&datum, i, &column->type);
    }
    if (value[0]) {
        ovsdb_datum_union(&datum, &old, &column->type);
    }
    ovsdb_datum_destroy(&old, &column->type);
    ovsdb_atom_destroy(&k, OVSDB_TYPE_STRING);
    ovsdb_atom_destroy(&v, OVSDB_TYPE_STRING);
    ovsdb_idl_txn_verify(row, column);
    ovsdb_idl_txn_write(row, column, &datum);
}

static bool
key_matches(const struct key *key, const char *name)
{
    size_t n = strlen(key->name);

    return (key->name[n - 1] == ':'
            ? !strncmp(name, key->name, n) : !strcmp(name, key->name));
}

static void
fail_unknown_key(struct ctl_context *ctx, const char *what, const char *name,
                 const struct key keys[])
{
    struct svec names = SVEC_EMPTY_INITIALIZER;
    struct ds list = DS_EMPTY_INITIALIZER;

    for (const struct key *k = keys; k->name; k++) {
        svec_add(&names, k->name);
        ds_put_format(&list, "%s%s", k == keys ? "" : " ", k->name);
    }
    const char *near = suggest(name, (const char *const *) names.names,
                               names.n);
    fail(ctx, DTS_EXIT_USAGE, "%s knows no key \"%s\"%s%s%s (keys: %s)",
         what, name, near ? ": did you mean " : "", near ? near : "",
         near ? "?" : "", ds_cstr(&list));
    svec_destroy(&names);
    ds_destroy(&list);
}

bool
set_key(struct ctl_context *ctx, const char *arg, const char *what,
        const struct ovsdb_idl_row *row, const struct key keys[])
{
    const struct key *key = keys;
    char *name, *value;

    if (fail_if(ctx, DTS_EXIT_USAGE, parse_key_value(arg, &name, &value))) {
        return false;
    }
    while (key->name && !key_matches(key, name)) {
        key++;
    }
    if (key->name) {
        key->set(ctx, row, key, name, value);
    } else {
        fail_unknown_key(ctx, what, name, keys);
    }
    free(name);
    free(value);
    return !ctx->error;
}

bool
set_keys(struct ctl_context *ctx, int first, const char *what,
         const struct ovsdb_idl_row *row, const struct key keys[])
{
    for (int i = first; i < ctx->argc; i++) {
        if (!set_key(ctx, ctx->argv[i], what, row, keys)) {
            return false;
        }
    }
    return true;
}

bool
set_options(struct ctl_context *ctx, const char *what,
            const struct ovsdb_idl_row *row, const struct key keys[])
{
    for (const struct key *key = keys; key->name; key++) {
        char *name = xasprintf("--%s", key->name);
        const char *value = option(ctx, name);

        if (value) {
            if (value[0]) {
                key->set(ctx, row, key, name, value);
            } else {
                fail(ctx, DTS_EXIT_USAGE, "%s: option %s needs a value",
                     what, name);
            }
        }
        free(name);
        if (ctx->error) {
            return false;
        }
    }
    return true;
}
