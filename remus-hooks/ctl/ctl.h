/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CTL_H
#define DTS_CTL_H 1

/* What the files of dts-ctl share: how a command fails with an exit code of
 * its own, how rows are found by name, and the commands' tables. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "db-ctl-base.h"
#include "dts-idl.h"
#include "pki.h"
#include "remus-dts/exit.h"

struct json;
struct sset;
struct svec;

/* main.c: what the command line said beside the commands. */
struct ctl_settings {
    const char *db;             /* Remotes, comma separated. */
    bool dry_run;
    bool json;                  /* --format=json. */
    int json_flags;             /* For json_to_string(). */
    unsigned int timeout;       /* Seconds; 0: none. */
    struct pki pki;             /* As the command line names them. */
};
extern struct ctl_settings settings;

/* Fails the command that runs in 'ctx'; the program's exit status will be
 * 'code'.  The caller returns at once. */
void fail(struct ctl_context *ctx, int code, const char *format, ...)
    OVS_PRINTF_FORMAT(3, 4);
/* The same with an error to be freed, if it is not NULL; returns true if it
 * was. */
bool fail_if(struct ctl_context *ctx, int code, char *error);
/* What the program's exit status is when it succeeds (default 0). */
void set_exit_code(int code);

/* remote.c: which database. */
char *default_remote(void);
char *local_ovs_external_id(const char *key, int timeout_ms);

/* names.c: rows by name.  find_*() returns NULL when there is none; get_*()
 * also fails the command, with the nearest name that there is. */
const struct dtsrec_node *find_node(const struct ovsdb_idl *,
                                    const char *name);
const struct dtsrec_network *find_network(const struct ovsdb_idl *,
                                          const char *name);
const struct dtsrec_domain *find_domain(const struct ovsdb_idl *,
                                        const char *name);
const struct dtsrec_binding *find_binding(const struct ovsdb_idl *,
                                          const char *domain);
const struct dtsrec_tunnel *find_tunnel(const struct ovsdb_idl *,
                                        const char *a, const char *b);
/* Whether the tunnel between 'a' and 'b' is to be encrypted. */
bool tunnel_is_encrypted(const struct ovsdb_idl *, const char *a,
                         const char *b);
/* The generation that 'gateway' has a receipt of, or NULL.  (Of two that
 * contradict each other the lower: until the gateway has deleted one.) */
const int64_t *find_receipt(const struct ovsdb_idl *, const char *gateway,
                            const char *domain);
const struct dtsrec_reachability *find_reachability(
    const struct ovsdb_idl *, const char *observer, const char *subject);
const struct dtsrec_node *get_node(struct ctl_context *, const char *name);
const struct dtsrec_network *get_network(struct ctl_context *,
                                         const char *name);
const struct dtsrec_domain *get_domain(struct ctl_context *,
                                       const char *name);
/* ": did you mean X?" or "", to be freed, of the rows of 'table' by name. */
char *suggest_row(const struct ovsdb_idl *,
                  const struct ovsdb_idl_table_class *, const char *name);
char *suggest_among(const char *name, const char *const candidates[]);
bool node_has_role(const struct dtsrec_node *, const char *role);
/* The names of the nodes that are gateways of 'network' (client ports that
 * cannot be parsed are left out). */
void network_gateways(const struct dtsrec_network *, struct sset *);
void domain_conditions(const struct ovsdb_idl *, const struct dtsrec_binding *,
                       struct svec *);
/* Sorted by name, to be freed; the rows themselves stay the IDL's. */
const struct dtsrec_domain **sorted_domains(const struct ovsdb_idl *,
                                            size_t *n);

/* Prerequisites: which tables the command reads. */
void pre_config(struct ctl_context *);  /* All but the events. */
void pre_all(struct ctl_context *);     /* All that a domain has. */
void pre_access(struct ctl_context *);  /* Connections and roles. */

/* commands' tables, each ended by an entry without a name. */
extern const struct ctl_command_syntax node_commands[];
extern const struct ctl_command_syntax network_commands[];
extern const struct ctl_command_syntax domain_commands[];
extern const struct ctl_command_syntax status_commands[];
extern const struct ctl_command_syntax event_commands[];
extern const struct ctl_command_syntax switch_commands[];
/* Commands that must work without the database and so stand alone. */
extern const struct ctl_command_syntax alone_commands[];

/* The option 'name' ("--site") of the command, or NULL. */
const char *option(const struct ctl_context *, const char *name);
bool has_option(const struct ctl_context *, const char *name);

#endif /* ctl.h */
