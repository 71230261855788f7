/* SPDX-License-Identifier: Apache-2.0 */
/* xl-remus: protects domains (cmd-*.c, libremusdts), and does what `xl` cannot
 * to one that Remus protects.
 *
 * `xl remus` suspends the domain at each checkpoint and resumes it itself; when
 * it dies in between, the domain stays suspended for ever, and xl of Xen 4.17
 * has no command that resumes it.  This one has, and the hook scripts of the
 * agent use it (docs/hooks.md).
 *
 * Each command looks first and does nothing unless it is safe, as far as this
 * host can tell: a domain that is being checkpointed is not resumed under the
 * feet of its session, a running one is not destroyed by mistake, a copy is not
 * let loose.  Whether the domain may run *here* is not asked: that is in the
 * binding, and a domain bound elsewhere has its frames dropped in any case. */

#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "domlist.h"
#include "netbuf.h"
#include "rundir.h"
#include "openvswitch/vlog.h"
#include "remus-dts/exit.h"
#include "util.h"
#include "xl-remus.h"

#define INCOMING "--incoming"
#define SETTLE_MS 1000
#define LOOK_MS 50

struct options {
    bool json;                  /* --json */
    bool force;                 /* --force */
    bool now;                   /* --now */
    const char *name;           /* --name=NAME, or NULL. */
};

struct command {
    const char *name;
    const char *args;
    int min_args, max_args;
    const char *help;
    int (*run)(const struct options *, const char *domain);
};

static libxl_ctx *ctx;

int
fail(int code, const char *format, ...)
{
    va_list ap;

    fprintf(stderr, "%s: ", program_name);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    putc('\n', stderr);
    return code;
}

/* Finding a domain. */

static bool
is_copy(const char *name)
{
    size_t len = strlen(name), suffix = strlen(INCOMING);

    return len > suffix && !strcmp(name + len - suffix, INCOMING);
}

/* Says that there is no 'domain', and what was perhaps meant. */
static int
not_found(const struct domlist *list, const char *domain)
{
    size_t i;

    for (i = 0; i < list->n; i++) {
        const char *name = list->doms[i].name;

        if (is_copy(name) && !strncmp(name, domain, strlen(name)
                                                    - strlen(INCOMING))
            && strlen(domain) == strlen(name) - strlen(INCOMING)) {
            return fail(DTS_EXIT_NOT_FOUND, "there is no domain %s here, only "
                        "the copy of it that Remus keeps (%s, domain %u)",
                        domain, name, list->doms[i].domid);
        }
    }
    return fail(DTS_EXIT_NOT_FOUND, "there is no domain %s here: `xl-remus "
                "state` lists those that are", domain);
}

/* Looks at 'domain' (a name or a number).  Returns 0 and '*d' (to be
 * uninitialised), or an exit code. */
static int
find(const struct options *o, const char *domain, struct dom *d)
{
    const struct dom *found = NULL;
    struct domlist list;
    int domid, code = 0;
    size_t i;

    memset(d, 0, sizeof *d);
    if (!domlist_get(ctx, true, &list)) {
        return fail(DTS_EXIT_NO_DATABASE, "Xen does not answer");
    }
    for (i = 0; i < list.n; i++) {
        if (!strcmp(list.doms[i].name, domain)) {
            found = &list.doms[i];
        }
    }
    if (!found && str_to_int(domain, 10, &domid) && domid >= 0) {
        if (!domid) {
            code = fail(DTS_EXIT_REFUSED, "domain 0 is this host itself");
        }
        found = domlist_find(&list, domid);
    }
    if (code) {
        /* Said already. */
    } else if (!found) {
        code = not_found(&list, domain);
    } else if (o->name && strcmp(found->name, o->name)) {
        code = fail(DTS_EXIT_NOT_FOUND, "domain %u is called %s, not %s: "
                    "nothing done", found->domid, found->name, o->name);
    } else {
        *d = *found;
        d->name = xstrdup(found->name);
    }
    domlist_uninit(&list);
    return code;
}

/* Looks at '*d' again. */
static int
look_again(struct dom *d)
{
    struct domlist list;
    const struct dom *found;
    char *name = d->name;

    if (!domlist_get(ctx, false, &list)) {
        return fail(DTS_EXIT_NO_DATABASE, "Xen does not answer");
    }
    found = domlist_find(&list, d->domid);
    if (found && !strcmp(found->uuid, d->uuid)) {
        *d = *found;
        d->name = name;
    } else {
        d->state = DOM_GONE;
        d->reason = "";
    }
    domlist_uninit(&list);
    return 0;
}

static const char *
describe(const struct dom *d)
{
    return (dom_is_suspended(d) ? "suspended"
            : d->state == DOM_SHUTDOWN ? "shut down"
            : d->state == DOM_RUNNING ? "running"
            : d->state == DOM_PAUSED ? "paused"
            : d->state == DOM_DYING ? "dying" : "gone");
}

/* Refuses 'd' for not being suspended. */
static int
refuse_resume(const struct dom *d)
{
    const char *remedy
        = (d->state == DOM_RUNNING ? "there is nothing to resume"
           : d->state == DOM_PAUSED && is_copy(d->name)
           ? "it is a copy that Remus keeps, and runs when it is granted"
           : d->state == DOM_PAUSED ? "xl-remus unpause lets it go on"
           : d->state == DOM_SHUTDOWN
           ? "it ended by itself: xl-remus destroy, then xl create"
           : "wait for its end");

    return fail(DTS_EXIT_REFUSED, "%s (domain %u) is %s%s%s, not suspended: "
                "%s", d->name, d->domid, describe(d),
                d->state == DOM_SHUTDOWN ? " for " : "",
                d->state == DOM_SHUTDOWN ? d->reason : "", remedy);
}

/* Ends the buffer that a dead `xl-remus protect` left on the vifs of 'd'. */
static int
undo_buffer(const struct dom *d, enum remus_netbuf_end end)
{
    char *error = NULL;
    int code = 0;

    if (remus_netbuf_undo(d->domid, end, &error)) {
        code = fail(DTS_EXIT_PARTLY, "%s (domain %u): its output is held "
                    "still: %s", d->name, d->domid, error);
        free(error);
    }
    return code;
}

/* Commands. */

static int
cmd_resume(const struct options *o, const char *domain)
{
    struct dom first, d;
    int code = find(o, domain, &d), ms;

    if (code) {
        return code;
    }
    first = d;
    if (!dom_is_suspended(&d)) {
        code = refuse_resume(&d);
    }
    for (ms = 0; !code && !o->now && ms < SETTLE_MS; ms += LOOK_MS) {
        poll(NULL, 0, LOOK_MS);
        code = look_again(&d);
        if (!code && !dom_still_suspended(&first, &d)) {
            code = fail(DTS_EXIT_REFUSED, "%s (domain %u) is suspended for a "
                        "checkpoint only, by a session that lives: end its "
                        "`xl remus` first if it must be", d.name, d.domid);
        }
    }
    if (!code) {
        /* As xl itself after a failed migration and when Remus ends: 1 means
         * that the guest's own suspend call returns "cancelled", so that it
         * goes on with the devices that it has. */
        if (libxl_domain_resume(ctx, d.domid, 1, NULL)) {
            code = fail(DTS_EXIT_PARTLY, "%s (domain %u) could not be "
                        "resumed: see above, and xl-remus state", d.name,
                        d.domid);
        } else {
            printf("%s (domain %u) is resumed\n", d.name, d.domid);
            code = undo_buffer(&d, REMUS_NETBUF_RELEASE);
            if (!code) {
                code = look_again(&d);
            }
            if (!code && d.paused) {
                printf("%s is paused still: xl-remus unpause %u\n", d.name,
                       d.domid);
            }
        }
    }
    dom_uninit(&d);
    return code;
}

static int
cmd_unbuffer(const struct options *o, const char *domain)
{
    struct dom d;
    int code = find(o, domain, &d), lock;
    char *path = NULL, *holder;

    if (code) {
        return code;
    }
    if (is_copy(d.name)) {
        code = fail(DTS_EXIT_REFUSED, "%s (domain %u) is a copy that Remus "
                    "keeps", d.name, d.domid);
        goto out;
    }
    /* With the lock, so that no protection is begun meanwhile. */
    lock = dts_engine_lock(d.name, &path);
    if (lock == -EWOULDBLOCK) {
        holder = dts_engine_holder(path);
        code = fail(DTS_EXIT_REFUSED, "%s has the lock of %s (domain %u): if "
                    "that protects it, its buffer is looked after (xl-remus "
                    "unprotect %s), else again in a moment", holder, d.name,
                    d.domid, d.name);
        free(holder);
        goto out;
    } else if (lock < 0) {
        code = fail(DTS_EXIT_PARTLY, "%s (domain %u): its lock in %s: %s",
                    d.name, d.domid, dts_rundir(), ovs_strerror(-lock));
        goto out;
    }
    code = undo_buffer(&d, REMUS_NETBUF_RELEASE);
    if (!code) {
        printf("nothing holds back what %s (domain %u) sends\n", d.name,
               d.domid);
    }
    close(lock);
out:
    free(path);
    dom_uninit(&d);
    return code;
}

static int
cmd_pause(const struct options *o, const char *domain)
{
    struct dom d;
    int code = find(o, domain, &d);

    if (code) {
        return code;
    }
    if (d.paused) {
        /* Xen counts pauses: a second one would need a second unpause. */
        printf("%s (domain %u) is paused already\n", d.name, d.domid);
    } else if (d.state == DOM_DYING) {
        code = fail(DTS_EXIT_REFUSED, "%s (domain %u) is dying: there is "
                    "nothing to pause", d.name, d.domid);
    } else if (libxl_domain_pause(ctx, d.domid, NULL)) {
        code = fail(DTS_EXIT_PARTLY, "%s (domain %u) could not be paused: see "
                    "above", d.name, d.domid);
    } else {
        printf("%s (domain %u) is paused\n", d.name, d.domid);
    }
    dom_uninit(&d);
    return code;
}

static int
cmd_unpause(const struct options *o, const char *domain)
{
    struct dom d;
    int code = find(o, domain, &d);

    if (code) {
        return code;
    }
    if (!d.paused) {
        printf("%s (domain %u) is not paused (%s)\n", d.name, d.domid,
               describe(&d));
    } else if (is_copy(d.name) && !o->force) {
        code = fail(DTS_EXIT_REFUSED, "%s (domain %u) is a copy that Remus "
                    "keeps: two of one domain might run (to move it: dts-ctl "
                    "switch; if you are sure: --force)", d.name, d.domid);
    } else if (libxl_domain_unpause(ctx, d.domid, NULL)) {
        code = fail(DTS_EXIT_PARTLY, "%s (domain %u) could not be unpaused: "
                    "see above", d.name, d.domid);
    } else {
        printf("%s (domain %u) is unpaused\n", d.name, d.domid);
        code = look_again(&d);
        if (!code && d.state == DOM_PAUSED) {
            printf("%s was paused more than once: unpause it again\n",
                   d.name);
        }
    }
    dom_uninit(&d);
    return code;
}

static int
cmd_destroy(const struct options *o, const char *domain)
{
    struct dom d;
    int code = find(o, domain, &d);

    if (code) {
        return code;
    }
    if (d.state == DOM_RUNNING && !o->force) {
        code = fail(DTS_EXIT_REFUSED, "%s (domain %u) is running: pause it "
                    "first (xl-remus pause %u), or --force", d.name, d.domid,
                    d.domid);
    } else if (libxl_domain_destroy(ctx, d.domid, NULL)) {
        code = look_again(&d);
        if (!code && d.state != DOM_GONE && d.state != DOM_DYING) {
            code = fail(DTS_EXIT_PARTLY, "%s (domain %u) could not be "
                        "destroyed: see above", d.name, d.domid);
        }
    }
    if (!code) {
        printf("%s (domain %u) is destroyed\n", d.name, d.domid);
        code = undo_buffer(&d, REMUS_NETBUF_DROP);
    }
    dom_uninit(&d);
    return code;
}

static void
print_json(struct json *json)
{
    char *s = json_to_string(json, JSSF_SORT | JSSF_PRETTY);

    puts(s);
    free(s);
    json_destroy(json);
}

static void
print_row(const struct dom *d)
{
    printf("%5u  %-32s  %-36s  %s%s%s\n", d->domid, d->name, d->uuid,
           describe(d), d->state == DOM_SHUTDOWN && !dom_is_suspended(d)
           ? ", " : "", dom_is_suspended(d) ? "" : d->reason);
}

static int
cmd_state(const struct options *o, const char *domain)
{
    static const char head[] = "   ID  NAME                              "
                               "UUID                                  STATE";
    struct domlist list;
    struct json *array;
    struct dom d;
    size_t i;

    if (domain) {
        int code = find(o, domain, &d);

        if (!code && o->json) {
            print_json(dom_to_json(&d));
        } else if (!code) {
            puts(head);
            print_row(&d);
        }
        dom_uninit(&d);
        return code;
    }
    if (!domlist_get(ctx, true, &list)) {
        return fail(DTS_EXIT_NO_DATABASE, "Xen does not answer");
    }
    array = json_array_create_empty();
    if (!o->json) {
        puts(head);
    }
    for (i = 0; i < list.n; i++) {
        if (o->json) {
            json_array_add(array, dom_to_json(&list.doms[i]));
        } else {
            print_row(&list.doms[i]);
        }
    }
    if (o->json) {
        print_json(array);
    } else {
        json_destroy(array);
    }
    domlist_uninit(&list);
    return DTS_EXIT_OK;
}

static int cmd_help(const struct options *, const char *);

static int
cmd_version(const struct options *o OVS_UNUSED, const char *arg OVS_UNUSED)
{
    puts("xl-remus (remus-dts) " DTS_VERSION);
    return DTS_EXIT_OK;
}

static const struct command commands[] = {
    { "protect", "[...] DOMAIN [HOST]", 0, 0,
      "replicate a domain to its standby (protect --help)", NULL },
    { "check", "[...] DOMAIN [HOST]", 0, 0,
      "could it be, and would its copy run? (check --help)", NULL },
    { "unprotect", "DOMAIN", 0, 0, "end that; the guest goes on here", NULL },
    { "status", "[--json] [DOMAIN]", 0, 0, "how replication goes", NULL },
    { "checkpoint", "DOMAIN", 0, 0,
      "take one now, and wait until it is committed", NULL },
    { "switchover", "DOMAIN [HOST]", 0, 0,
      "let it go on on the other host, in good order", NULL },
    { "receive", "[-p] [-e]", 0, 0, "the other end (run by dts-link)", NULL },
    { "resume", "[--now] DOMAIN", 1, 1,
      "let a domain go on that `xl remus` left suspended", cmd_resume },
    { "unbuffer", "DOMAIN", 1, 1,
      "let out what a dead `xl-remus protect` holds back", cmd_unbuffer },
    { "destroy", "[--force] DOMAIN", 1, 1,
      "end a domain that does not run (with --force: any)", cmd_destroy },
    { "pause", "DOMAIN", 1, 1, "stop a domain's CPUs, once", cmd_pause },
    { "unpause", "[--force] DOMAIN", 1, 1,
      "let them go on (with --force: also a copy's)", cmd_unpause },
    { "state", "[--json] [DOMAIN]", 0, 1, "what Xen says of the domains",
      cmd_state },
    { "help", "", 0, 1, "this help", cmd_help },
    { "version", "", 0, 0, "the version", cmd_version },
};

static int
cmd_help(const struct options *o OVS_UNUSED, const char *arg OVS_UNUSED)
{
    size_t i;

    printf("xl-remus: protects domains by Remus, and looks after them.\n"
           "usage: xl-remus COMMAND [OPTIONS] [DOMAIN]\n\n");
    for (i = 0; i < ARRAY_SIZE(commands); i++) {
        printf("  %-10s %-19s  %s\n", commands[i].name, commands[i].args,
               commands[i].help);
    }
    printf("\nDOMAIN is a name or a number.  With --name=NAME nothing is done "
           "unless the domain\nis called so.  Exit status: 0 done, 1 usage, "
           "2 no such domain, 3 refused, 4 no Xen,\n5 time-out, 6 not or "
           "only partly done.  See xl-remus(8).\n");
    return DTS_EXIT_OK;
}

/* Those that have options of their own. */
static const struct {
    const char *name;
    int (*run)(int argc, char *argv[]);
} engine_commands[] = {
    { "protect", cmd_protect },
    { "check", cmd_check },
    { "unprotect", cmd_unprotect },
    { "status", cmd_status },
    { "checkpoint", cmd_checkpoint },
    { "switchover", cmd_switchover },
    { "receive", cmd_receive },
};

static const struct command *
find_command(const char *name)
{
    size_t i;

    for (i = 0; i < ARRAY_SIZE(commands); i++) {
        if (!strcmp(commands[i].name, name)) {
            return &commands[i];
        }
    }
    return NULL;
}

int
main(int argc, char *argv[])
{
    static const struct option long_options[] = {
        { "json", no_argument, NULL, 'j' },
        { "force", no_argument, NULL, 'f' },
        { "now", no_argument, NULL, 'n' },
        { "name", required_argument, NULL, 'N' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { NULL, 0, NULL, 0 },
    };
    struct options o = { .json = false };
    const struct command *command;
    int c, n, code;

    ovs_set_program_name("xl-remus", DTS_VERSION);
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_WARN);
    for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(engine_commands); i++) {
        if (!strcmp(argv[1], engine_commands[i].name)) {
            return engine_commands[i].run(argc - 1, argv + 1);
        }
    }
    while ((c = getopt_long(argc, argv, "jfhV", long_options, NULL)) != -1) {
        switch (c) {
        case 'j': o.json = true; break;
        case 'f': o.force = true; break;
        case 'n': o.now = true; break;
        case 'N': o.name = optarg; break;
        case 'h': return cmd_help(&o, NULL);
        case 'V': return cmd_version(&o, NULL);
        default: return DTS_EXIT_USAGE;
        }
    }
    if (optind >= argc) {
        return fail(DTS_EXIT_USAGE, "a command is missing: see xl-remus help");
    }
    command = find_command(argv[optind]);
    if (!command) {
        return fail(DTS_EXIT_USAGE, "%s: unknown command: see xl-remus help",
                    argv[optind]);
    }
    n = argc - optind - 1;
    if (n < command->min_args || n > command->max_args) {
        return fail(DTS_EXIT_USAGE, "usage: xl-remus %s %s", command->name,
                    command->args);
    }
    if (command->run != cmd_help && command->run != cmd_version) {
        ctx = domlist_open();
        if (!ctx) {
            return DTS_EXIT_NO_DATABASE;
        }
    }
    code = command->run(&o, n ? argv[optind + 1] : NULL);
    libxl_ctx_free(ctx);
    return code;
}
