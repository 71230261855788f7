/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CTL_KEYS_H
#define DTS_CTL_KEYS_H 1

/* KEY=VALUE arguments: "node-set NODE site=east ip=192.0.2.1". */

#include "ctl.h"

/* One key that a command knows.  'set' fails the command if it does not like
 * the value; "" asks for the default. */
struct key {
    const char *name;           /* "bfd-min-tx"; "options:" takes any key
                                 * after the colon. */
    const char *column;         /* For set_scalar(): the column's name. */
    void (*set)(struct ctl_context *, const struct ovsdb_idl_row *,
                const struct key *, const char *name, const char *value);
};

/* Gives each of argv['first'] and on to its key of 'keys' (ended by one
 * without a name); 'what' is what is being set, for messages.  Returns false
 * if the command failed. */
bool set_keys(struct ctl_context *, int first, const char *what,
              const struct ovsdb_idl_row *, const struct key keys[]);
/* The same for the one argument 'arg'. */
bool set_key(struct ctl_context *, const char *arg, const char *what,
             const struct ovsdb_idl_row *, const struct key keys[]);
/* The same for the options of the command that are named like keys. */
bool set_options(struct ctl_context *, const char *what,
                 const struct ovsdb_idl_row *, const struct key keys[]);

/* key->set: integers and enumerations, checked against the schema. */
void set_scalar(struct ctl_context *, const struct ovsdb_idl_row *,
                const struct key *, const char *name, const char *value);
/* key->set: a key of a map "options:KEY". */
void set_map_key(struct ctl_context *, const struct ovsdb_idl_row *,
                 const struct key *, const char *name, const char *value);

#endif /* keys.h */
