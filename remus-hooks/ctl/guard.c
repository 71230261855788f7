/* SPDX-License-Identifier: Apache-2.0 */

/* Guards around the generic commands of db-ctl-base, which know nothing of
 * what the tables mean: they must not change by hand who runs what, their
 * errors get a suggestion, and what they leave inconsistent is said. */

#include <config.h>
#include "guard.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-idl.h"
#include "suggest.h"
#include "svec.h"
#include "util.h"
#include "validate.h"

static const char *const generic_commands[] = {
    "comment", "get", "list", "find", "set", "add", "remove", "clear",
    "create", "destroy", "wait-until", NULL,
};

bool
is_alone_command(const struct ctl_command_syntax *syntax)
{
    for (const struct ctl_command_syntax *c = alone_commands; c->name; c++) {
        if (!strcmp(c->name, syntax->name)) {
            return true;
        }
    }
    return false;
}

/* Returns what stands in 'text' between the first 'before' and the next
 * 'after', to be freed; NULL if it is not so. */
static char *
text_between(const char *text, const char *before, const char *after)
{
    const char *start = strstr(text, before);
    const char *end = start ? strstr(start + strlen(before), after) : NULL;

    return end ? xmemdup0(start + strlen(before),
                          end - start - strlen(before)) : NULL;
}

/* Adds the nearest command to db-ctl-base's error about an unknown one; takes
 * 'error' and returns one to be freed. */
char *
explain_usage(char *error, const struct ctl_command_syntax *const own[])
{
    char *name = text_between(error, "unknown command '", "'");

    if (!name) {
        return error;
    }

    struct svec names = SVEC_EMPTY_INITIALIZER;
    for (size_t i = 0; own[i]; i++) {
        for (const struct ctl_command_syntax *c = own[i]; c->name; c++) {
            svec_add(&names, c->name);
        }
    }
    for (size_t i = 0; generic_commands[i]; i++) {
        svec_add(&names, generic_commands[i]);
    }
    const char *near = suggest(name, (const char *const *) names.names,
                               names.n);
    char *s = (near
               ? xasprintf("unknown command '%s': did you mean %s?", name,
                           near)
               : xasprintf("unknown command '%s': dts-ctl --help lists them",
                           name));
    svec_destroy(&names);
    free(name);
    free(error);
    return s;
}

/* Returns an error of a command, to be freed, with the nearest known name
 * where db-ctl-base says that there is no such row or table.  'idl' may be
 * NULL. */
char *
explain_error(const char *error, const struct ovsdb_idl *idl)
{
    char *record = text_between(error, "no row \"", "\"");
    char *table = text_between(error, "unknown table \"", "\"");
    const char *in = strstr(error, "\" in table ");
    char *s = NULL;

    for (size_t i = 0; record && in && idl && i < DTSREC_N_TABLES; i++) {
        if (!strcmp(dtsrec_table_classes[i].name, in + 11)) {
            char *hint = suggest_row(idl, &dtsrec_table_classes[i], record);

            s = xasprintf("%s%s", error, hint[0] ? hint
                          : ": see dts-ctl list for what there is");
            free(hint);
        }
    }
    if (table) {
        const char *names[DTSREC_N_TABLES];

        for (size_t i = 0; i < DTSREC_N_TABLES; i++) {
            names[i] = dtsrec_table_classes[i].name;
        }
        const char *near = suggest(table, names, DTSREC_N_TABLES);
        if (near) {
            s = xasprintf("%s: did you mean %s?", error, near);
        }
    }
    free(record);
    free(table);
    return s ? s : xstrdup(error);
}

/* True if db-ctl-base would take 'name' for 'table' (it accepts unique
 * abbreviations and any case). */
static bool
means_table(const char *name, const char *table)
{
    size_t n = strlen(name);

    return n && !strncasecmp(name, table, n);
}

/* Returns an error, to be freed, if one of the generic commands would change
 * by hand what the agents agree on with each other: two nodes could then run
 * the same domain. */
char *
guard_commands(const struct ctl_command *commands, size_t n, bool unsafe)
{
    static const char *const kept[] = {
        "Binding", "Fence", "Reachability", "Suspicion", NULL,
    };

    for (size_t i = 0; i < n && !unsafe; i++) {
        const struct ctl_command *c = &commands[i];
        bool generic = false;

        for (size_t j = 0; generic_commands[j]; j++) {
            generic |= !strcmp(c->syntax->name, generic_commands[j]);
        }
        if (!generic || c->syntax->mode != RW || c->argc < 2) {
            continue;
        }
        for (size_t j = 0; kept[j]; j++) {
            if (means_table(c->argv[1], kept[j])) {
                return xasprintf(
                    "'%s' on table %s is refused: the agents keep who runs "
                    "what there, and a change by hand can let two nodes run "
                    "one domain; use 'switch', 'domain-set' or 'domain-del' "
                    "(or --unsafe, when nothing else is left and the domain "
                    "is known to be stopped)", c->syntax->name, kept[j]);
            }
        }
        for (int j = 3; means_table(c->argv[1], "Global") && j < c->argc;
             j++) {
            if (!strncmp(c->argv[j], "gen", 3)) {
                return xasprintf("'%s' on Global.generation is refused: it "
                                 "must never go back; --unsafe does it "
                                 "nevertheless", c->syntax->name);
            }
        }
    }
    return NULL;
}

/* Makes the one row of table Global, with the defaults, if it is not there.
 * The enumerations must be given: OVSDB's own default is whichever value
 * sorts first. */
void
ensure_global(const struct ovsdb_idl *idl, struct ovsdb_idl_txn *txn)
{
    if (!dtsrec_global_first(idl)) {
        const struct dtsrec_global *global = dtsrec_global_insert(txn);

        dtsrec_global_set_generation(global, 0);
        dtsrec_global_set_encap_type(global, "gre");
        dtsrec_global_set_fence(global, "pause");
    }
}

/* Warns about what is inconsistent after generic commands that write. */
void
warn_inconsistent(const struct ovsdb_idl *idl,
                  const struct ctl_command *commands, size_t n,
                  const struct ctl_command_syntax *const own[])
{
    bool generic = false;

    for (size_t i = 0; i < n; i++) {
        bool is_own = false;

        for (size_t j = 0; own[j] && !is_own; j++) {
            for (const struct ctl_command_syntax *c = own[j]; c->name; c++) {
                is_own |= !strcmp(c->name, commands[i].syntax->name);
            }
        }
        generic |= !is_own && commands[i].syntax->mode == RW;
    }
    if (generic) {
        struct svec problems = SVEC_EMPTY_INITIALIZER;

        validate_all(idl, &problems);
        for (size_t i = 0; i < problems.n; i++) {
            ovs_error(0, "warning: %s", problems.names[i]);
        }
        svec_destroy(&problems);
    }
}
