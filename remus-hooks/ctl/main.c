/* SPDX-License-Identifier: Apache-2.0 */

/* dts-ctl, the operator's command, in the manner of ovs-vsctl.
 *
 * db-ctl-base (of Open vSwitch) gives the generic commands (list, find, set,
 * wait-until, ...) and runs several commands in one transaction; our own
 * commands are in the files beside this one.  This file is what surrounds
 * them: the loop that tries a transaction until it is in, time-outs and exit
 * codes (0 ok, 1 usage, 2 not found, 3 refused as unsafe, 4 no database,
 * 5 time-out, 6 partly done). */

#include <config.h>
#include "ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "command-line.h"
#include "fatal-signal.h"
#include "guard.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "options.h"
#include "ovsdb-data.h"
#include "ovsdb-idl.h"
#include "process.h"
#include "rundir.h"
#include "svec.h"
#include "table.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(dts_ctl);

/* How long, in ms, a database may take to answer at all. */
#define CONNECT_TIMEOUT 10000

struct ctl_settings settings;

static const struct ctl_command_syntax *const own_commands[] = {
    node_commands, network_commands, domain_commands, status_commands,
    event_commands, switch_commands, alone_commands, NULL,
};

static const struct ctl_table_class tables[DTSREC_N_TABLES] = {
    [DTSREC_TABLE_NODE].row_ids[0]
        = { &dtsrec_node_col_name, NULL, NULL },
    [DTSREC_TABLE_NETWORK].row_ids[0]
        = { &dtsrec_network_col_name, NULL, NULL },
    [DTSREC_TABLE_DOMAIN].row_ids[0]
        = { &dtsrec_domain_col_name, NULL, NULL },
    [DTSREC_TABLE_BINDING].row_ids[0]
        = { &dtsrec_binding_col_domain, NULL, NULL },
    [DTSREC_TABLE_FENCE].row_ids[0]
        = { &dtsrec_fence_col_gateway, NULL, NULL },
    [DTSREC_TABLE_REACHABILITY].row_ids[0]
        = { &dtsrec_reachability_col_subject, NULL, NULL },
    [DTSREC_TABLE_SUSPICION].row_ids[0]
        = { &dtsrec_suspicion_col_about, NULL, NULL },
    [DTSREC_TABLE_CONNECTION].row_ids[0]
        = { &dtsrec_connection_col_target, NULL, NULL },
    [DTSREC_TABLE_RBAC_ROLE].row_ids[0]
        = { &dtsrec_rbac_role_col_name, NULL, NULL },
    [DTSREC_TABLE_RBAC_PERMISSION].row_ids[0]
        = { &dtsrec_rbac_permission_col_table, NULL, NULL },
};

static struct ctl_options options = { .style = TABLE_STYLE_DEFAULT };
static int failure_code = DTS_EXIT_USAGE;
static int success_code = DTS_EXIT_OK;
static long long int deadline = LLONG_MAX;
static long long int connect_deadline;

/* A transaction was sent whose answer may be lost: once the connection is, it
 * cannot be told whether it was carried out. */
static bool change_sent;

static struct ovsdb_idl *the_idl;
static struct ovsdb_idl_txn *the_txn;

static void parse_commands(int argc, char *argv[], struct ctl_command **,
                           size_t *n);
static void run_alone(struct ctl_command *);
static void connect_database(struct ctl_command *, size_t n);
static bool run_commands(const char *args, struct ctl_command *, size_t n);
static void print_output(struct ctl_command *);
static void check_progress(void);
static void wait_progress(void);
OVS_NO_RETURN static void exit_function(int status);

int
main(int argc, char *argv[])
{
    ovs_set_program_name("dts-ctl", DTS_VERSION);
    fatal_ignore_sigpipe();
    vlog_set_levels(NULL, VLF_CONSOLE, VLL_WARN);
    vlog_set_levels(NULL, VLF_SYSLOG, VLL_WARN);
    vlog_set_levels_from_string_assert("reconnect:off");
    vlog_set_levels_from_string_assert("fatal_signal:err");
    vlog_set_levels_from_string_assert("timeval:err");
    vlog_set_levels_from_string_assert("ovsdb_cs:err");

    ctl_init(&dtsrec_idl_class, dtsrec_table_classes, tables, NULL,
             exit_function);
    for (size_t i = 0; own_commands[i]; i++) {
        ctl_register_commands(own_commands[i]);
    }

    char *args = process_escape_args(argv);
    struct ctl_command *commands;
    size_t n_commands;
    parse_commands(argc, argv, &commands, &n_commands);
    VLOG(ctl_might_write_to_db(commands, n_commands) ? VLL_INFO : VLL_DBG,
         "Called as %s", args);
    if (settings.timeout) {
        deadline = time_msec() + settings.timeout * 1000LL;
    }

    if (is_alone_command(commands[0].syntax)) {
        run_alone(&commands[0]);
    }
    connect_database(commands, n_commands);

    /* There is no use in trying again before the database has changed. */
    unsigned int seqno = ovsdb_idl_get_seqno(the_idl);
    for (;;) {
        ovsdb_idl_run(the_idl);
        check_progress();
        if (seqno != ovsdb_idl_get_seqno(the_idl)) {
            seqno = ovsdb_idl_get_seqno(the_idl);
            if (run_commands(args, commands, n_commands)) {
                break;
            }
        }
        if (seqno == ovsdb_idl_get_seqno(the_idl)) {
            ovsdb_idl_wait(the_idl);
            wait_progress();
            poll_block();
        }
    }

    for (size_t i = 0; i < n_commands; i++) {
        print_output(&commands[i]);
        shash_destroy_free_data(&commands[i].options);
    }
    free(commands);
    free(args);
    exit_function(success_code);
}

void
fail(struct ctl_context *ctx, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *s = xvasprintf(format, args);
    va_end(args);
    fail_if(ctx, code, s);
}

bool
fail_if(struct ctl_context *ctx, int code, char *error)
{
    if (error) {
        failure_code = code;
        ctl_error(ctx, "%s", error);
        free(error);
    }
    return error != NULL;
}

void
set_exit_code(int code)
{
    success_code = code;
}

const char *
option(const struct ctl_context *ctx, const char *name)
{
    return shash_find_data(&ctx->options, name);
}

bool
has_option(const struct ctl_context *ctx, const char *name)
{
    return shash_find(&ctx->options, name) != NULL;
}

OVS_NO_RETURN OVS_PRINTF_FORMAT(2, 3) static void
fatal(int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *s = xvasprintf(format, args);
    va_end(args);
    failure_code = code;
    ctl_fatal("%s", s);
}

/* Ends the program; db-ctl-base calls it too, always with EXIT_FAILURE. */
static void
exit_function(int status)
{
    if (the_txn) {
        ovsdb_idl_txn_abort(the_txn);
        ovsdb_idl_txn_destroy(the_txn);
    }
    ovsdb_idl_destroy(the_idl);
    fflush(stdout);
    exit(status == EXIT_FAILURE ? failure_code : status);
}

static void
parse_commands(int argc OVS_UNUSED, char *argv[],
               struct ctl_command **commands, size_t *n)
{
    /* getopt keeps pointers into 'words' in 'settings': never freed. */
    static struct svec words = SVEC_EMPTY_INITIALIZER;
    struct shash local = SHASH_INITIALIZER(&local);

    char *error = arrange_arguments(argv, global_options, own_commands,
                                    &words);
    if (error) {
        fatal(DTS_EXIT_USAGE, "%s", error);
    }
    svec_terminate(&words);

    int first = parse_options(words.n, words.names, &local, &options);
    error = ctl_parse_commands(words.n - first, words.names + first, &local,
                               commands, n);
    if (error) {
        fatal(DTS_EXIT_USAGE, "%s", explain_usage(error, own_commands));
    }
    shash_destroy(&local);

    error = guard_commands(*commands, *n, options.unsafe);
    if (error) {
        fatal(DTS_EXIT_REFUSED, "%s", error);
    }
    for (size_t i = 0; *n > 1 && i < *n; i++) {
        if (is_alone_command((*commands)[i].syntax)) {
            fatal(DTS_EXIT_USAGE, "'%s' cannot be joined with other commands",
                  (*commands)[i].syntax->name);
        }
    }
}

/* A command that works without the database: no transaction, no retry. */
static void
run_alone(struct ctl_command *command)
{
    struct ctl_context ctx = { .error = NULL };

    ds_init(&command->output);
    ds_init(&ctx.output);
    command->table = NULL;
    ctl_context_init_command(&ctx, command, true);
    command->syntax->run(&ctx);
    if (ctx.error) {
        ctl_fatal("%s", ctx.error);
    }
    ctl_context_done_command(&ctx, command);
    print_output(command);
    exit_function(success_code);
}

static void
connect_database(struct ctl_command *commands, size_t n)
{
    char *db = settings.db ? xstrdup(settings.db) : default_remote();
    if (!db) {
        fatal(DTS_EXIT_NO_DATABASE,
              "no database: there is no %s/db.sock, and the local Open "
              "vSwitch does not know one either; give --db=REMOTE (or set "
              "DTS_DB), or on a node: ovs-vsctl set Open_vSwitch . "
              "external_ids:dts-remote=ssl:ADDRESS:6645", dts_rundir());
    }
    settings.db = db;

    the_idl = ovsdb_idl_create(db, &dtsrec_idl_class, false, false);
    ovsdb_idl_set_leader_only(the_idl, false);
    connect_deadline = time_msec() + CONNECT_TIMEOUT;

    struct ctl_context ctx = { .error = NULL };
    for (size_t i = 0; i < n; i++) {
        struct ctl_command *c = &commands[i];

        ds_init(&c->output);
        c->table = NULL;
        ctl_context_init(&ctx, c, the_idl, NULL, NULL, NULL);
        if (c->syntax->prerequisites) {
            c->syntax->prerequisites(&ctx);
        }
        if (ctx.error) {
            fatal(strncmp(ctx.error, "unknown table", 13)
                  ? DTS_EXIT_USAGE : DTS_EXIT_NOT_FOUND, "%s",
                  explain_error(ctx.error, NULL));
        }
        ctl_context_done(&ctx, c);
    }
    if (ctl_might_write_to_db(commands, n)) {
        pre_config(&ctx);       /* ensure_global(), warn_inconsistent() */
    }
}

/* What may help about 'error' of a connection. */
static const char *
connect_hint(int error)
{
    if (!strstr(settings.db, "ssl:")) {
        return (error == EACCES || error == EPERM ? ": run it as root" : "");
    }
    return (error == ENOPROTOOPT
            ? ": TLS needs this node's key and certificate and the "
            "authority's, in " DTS_SYSCONFDIR "/pki or by -p, -c and -C"
            : error == EPROTO
            ? ": are both ends' certificates signed by the authority that "
            "the other end knows, and is the other end's port one for TLS?"
            : "");
}

/* Ends the program when there is no hope or no time left. */
static void
check_progress(void)
{
    const char *maybe = (change_sent
                         ? ": the change may or may not have been made; "
                           "look before you repeat it" : "");

    if (!ovsdb_idl_is_alive(the_idl)) {
        int error = ovsdb_idl_get_last_error(the_idl);
        fatal(DTS_EXIT_NO_DATABASE, "%s: %s (%s)%s%s", settings.db,
              ovsdb_idl_has_ever_connected(the_idl)
              ? "lost the connection to the database"
              : error == ENOENT && strncmp(settings.db, "unix:", 5)
              ? "this server has no database DTS"
              : strchr(settings.db, ',')
              ? "none of the database's servers can be used: do they run, and "
              "does a majority of them see each other?"
              : "cannot connect to the database",
              ovs_retval_to_string(error), connect_hint(error), maybe);
    }

    long long int now = time_msec();
    if (now >= deadline) {
        fatal(DTS_EXIT_TIMEOUT, "%s: not done after %u s%s", settings.db,
              settings.timeout, maybe);
    }
    if (now >= connect_deadline && !ovsdb_idl_has_ever_connected(the_idl)) {
        fatal(DTS_EXIT_NO_DATABASE, "%s: the database does not answer (waited "
              "%d s): is ovsdb-server hung, or without a quorum?",
              settings.db, CONNECT_TIMEOUT / 1000);
    }
}

static void
wait_progress(void)
{
    if (deadline != LLONG_MAX) {
        poll_timer_wait_until(deadline);
    }
    if (!ovsdb_idl_has_ever_connected(the_idl)) {
        poll_timer_wait_until(connect_deadline);
    }
}

static enum ovsdb_idl_txn_status
commit(bool writes)
{
    enum ovsdb_idl_txn_status status;

    while ((status = ovsdb_idl_txn_commit(the_txn)) == TXN_INCOMPLETE) {
        change_sent |= writes;
        ovsdb_idl_run(the_idl);
        check_progress();
        ovsdb_idl_wait(the_idl);
        ovsdb_idl_txn_wait(the_txn);
        wait_progress();
        poll_block();
    }
    return status;
}

/* Fails about the first row id ("@x") that is referred to but not made. */
static void
check_symbols(const struct ovsdb_symbol_table *symtab)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &symtab->sh) {
        const struct ovsdb_symbol *symbol = node->data;

        if (!symbol->created) {
            fatal(DTS_EXIT_USAGE, "row id \"%s\" is used but nothing makes "
                  "it (as \"-- --id=%s create TABLE ...\" does)",
                  node->name, node->name);
        }
    }
}

/* Runs the commands in one transaction.  Returns true when all is done, false
 * to be called again when the database has changed. */
static bool
run_commands(const char *args, struct ctl_command *commands, size_t n)
{
    struct ovsdb_symbol_table *symtab = ovsdb_symbol_table_create();
    bool writes = ctl_might_write_to_db(commands, n);
    struct ctl_context ctx;
    bool again = false;

    memset(&ctx, 0, sizeof ctx);
    the_txn = ovsdb_idl_txn_create(the_idl);
    if (settings.dry_run) {
        ovsdb_idl_txn_set_dry_run(the_txn);
    }
    ovsdb_idl_txn_add_comment(the_txn, "dts-ctl: %s", args);
    if (writes) {
        ensure_global(the_idl, the_txn);
    }

    ctl_context_init(&ctx, NULL, the_idl, the_txn, symtab, NULL);
    for (size_t i = 0; i < n && !again; i++) {
        struct ctl_command *c = &commands[i];

        ds_init(&c->output);
        c->table = NULL;
        ctl_context_init_command(&ctx, c, i == n - 1);
        if (c->syntax->run) {
            c->syntax->run(&ctx);
        }
        if (ctx.error) {
            int code = failure_code;
            char *s = explain_error(ctx.error, the_idl);
            if (strcmp(s, ctx.error) && code == DTS_EXIT_USAGE) {
                code = DTS_EXIT_NOT_FOUND;
            }
            fatal(code, "%s", s);
        }
        again = ctx.try_again;
        ctl_context_done_command(&ctx, c);
    }

    enum ovsdb_idl_txn_status status = TXN_TRY_AGAIN;
    if (!again) {
        check_symbols(symtab);
        if (writes) {
            warn_inconsistent(the_idl, commands, n, own_commands);
        }
        status = commit(writes);
    }
    if (status == TXN_UNCHANGED || status == TXN_SUCCESS) {
        for (size_t i = 0; i < n; i++) {
            struct ctl_command *c = &commands[i];

            if (c->syntax->postprocess && !settings.dry_run) {
                ctl_context_init_command(&ctx, c, i == n - 1);
                c->syntax->postprocess(&ctx);
                ctl_context_done_command(&ctx, c);
            }
        }
    } else if (status != TXN_TRY_AGAIN) {
        const char *why = (status == TXN_ERROR
                           ? ovsdb_idl_txn_get_error(the_txn)
                           : ovsdb_idl_txn_status_to_string(status));
        fatal(DTS_EXIT_REFUSED, "the database refused: %s%s", why,
              strstr(why, "RBAC rules") ? ": a node's certificate may write "
              "only what is that node's own; give this command on the "
              "database's machine, as root" : "");
    } else {
        for (size_t i = 0; i < n; i++) {
            ds_destroy(&commands[i].output);
            table_destroy(commands[i].table);
            free(commands[i].table);
            commands[i].table = NULL;
        }
        again = true;
    }
    if (again) {
        ovsdb_idl_txn_abort(the_txn);
    }
    ovsdb_idl_txn_destroy(the_txn);
    the_txn = NULL;
    ovsdb_symbol_table_destroy(symtab);
    return !again;
}

static void
print_output(struct ctl_command *c)
{
    if (c->table) {
        table_print(c->table, &options.style);
    } else if (options.oneline) {
        ds_chomp(&c->output, '\n');
        for (size_t i = 0; i < c->output.length; i++) {
            char ch = c->output.string[i];
            if (ch == '\n') {
                fputs("\\n", stdout);
            } else if (ch == '\\') {
                fputs("\\\\", stdout);
            } else {
                putchar(ch);
            }
        }
        putchar('\n');
    } else {
        fputs(ds_cstr(&c->output), stdout);
    }
    ds_destroy(&c->output);
    table_destroy(c->table);
    free(c->table);
}
