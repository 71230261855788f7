/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a check that is asked: would a copy of that domain be taken here?
 *
 * dts-link's listener runs this for a node that has shown its certificate, as
 * root.  So what comes is bounded and verified before anything is done
 * (check-wire.c), nothing of it is executed or written anywhere.  Of this
 * host's files nothing is said but whether they are there, of that size and,
 * as a whole, of that content (check-files.c), and only if by this node's own
 * agent this node and the one that asks are the domain's two. */

#include <config.h>

#include "check-answer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libxl_utils.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check-io.h"
#include "check-lines.h"
#include "check-node.h"
#include "check-wire.h"
#include "check-xen.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "remus-private.h"
#include "timeval.h"
#include "util.h"
#include "xl-remus.h"

#define IDLE_MS 60000
#define SEND_MS 10000
#define FILES_MS 100000        /* For all of them. */
#define PROGRESS_MS 4000
#define MAX_PINGS 64

static bool
one_of(const char *node, const char *owner, const char *standby)
{
    return node[0] && (!strcmp(node, owner) || !strcmp(node, standby));
}

/* Are the node that asks and this one the domain's two?  Else nothing more is
 * said than the line that this adds. */
static bool
check_pair(struct check_lines *c, const struct json *status,
           const char *domain, const char *asks)
{
    const struct json *d = check_agent_domain(status, domain);
    const char *me = check_string(status, "node");
    const char *owner = check_string(d, "owner");
    const char *standby = check_string(d, "standby");

    if (!d) {
        check_bad(c, CHECK_FAIL, "binding", xasprintf(
                  "dts-ctl domain-add %s ...", domain),
                  "%s is not in the DTS database", domain);
        return false;
    } else if (!one_of(asks, owner, standby)) {
        check_bad(c, CHECK_FAIL, "binding", xasprintf(
                  "dts-ctl status %s", domain), "%s is neither the owner nor "
                  "the standby of %s: it is told nothing of this node", asks,
                  domain);
        return false;
    } else if (strcmp(me, standby)) {
        check_bad(c, CHECK_FAIL, "binding", xasprintf(
                  "dts-ctl domain-set %s secondary=%s", domain, me),
                  "the standby of %s is %s, not this node: its copy would be "
                  "refused", domain, standby[0] ? standby : "nobody");
        return one_of(me, owner, standby) && strcmp(me, asks);
    } else if (!strcmp(me, asks)) {
        check_bad(c, CHECK_FAIL, "binding", xasprintf(
                  "dts-ctl status %s", domain), "%s is this node itself",
                  asks);
        return false;
    }
    check_ok(c, "binding", "this node is the standby of %s", domain);
    return true;
}

static void
check_versions(struct check_lines *c, libxl_ctx *ctx,
               const struct check_request *r)
{
    char *xen = check_xen_version(ctx), *libxl = check_libxl_name();

    if (strcmp(r->version, DTS_VERSION)) {
        check_bad(c, CHECK_WARN, "version", xstrdup(
                  "install the same version on both nodes"),
                  "remus-dts is %s here and %s there", DTS_VERSION,
                  r->version);
    } else {
        check_ok(c, "version", "remus-dts %s, as there", DTS_VERSION);
    }
    if (!r->xen[0] || !xen[0] || !r->libxl[0] || !libxl[0]) {
        check_bad(c, CHECK_WARN, "xen", xstrdup(
                  "compare xl info and the packages on both hosts"),
                  "which Xen and which libxl there are is not known of both "
                  "nodes");
    } else if (strcmp(r->xen, xen)) {
        check_bad(c, CHECK_FAIL, "xen", xstrdup(
                  "boot the same version of Xen on both hosts"),
                  "the hypervisor is Xen %s here and %s there", xen, r->xen);
    } else if (strcmp(r->libxl, libxl)) {
        check_bad(c, CHECK_FAIL, "xen", xstrdup(
                  "install the same version of Xen's tools on both hosts"),
                  "libxl is %s here and %s there", libxl, r->libxl);
    } else {
        check_ok(c, "xen", "Xen %s and %s, as there", xen, libxl);
    }
    free(xen);
    free(libxl);
}

static void
check_cpu(struct check_lines *c, const struct check_request *r)
{
    char *why;

    switch (check_policy_compare(r->type, &r->policy, &why)) {
    case CHECK_COMPATIBLE:
        check_ok(c, "cpu", "all that the guest's CPU has can be had here");
        break;
    case CHECK_INCOMPATIBLE:
        check_bad(c, CHECK_FAIL, "cpu", xstrdup(
                  "mask what this host's CPU lacks by cpuid= in the domain's "
                  "configuration on the other host, and make it anew; compare "
                  "xen-cpuid -p on both"), "the guest sees a CPU that cannot "
                  "be had here (%s): its copy would be refused, or miss what "
                  "it relies on", why);
        free(why);
        break;
    case CHECK_UNKNOWN:
        check_bad(c, CHECK_WARN, "cpu", xstrdup(
                  "compare xen-cpuid -p on both hosts"), "the CPUs were not "
                  "compared: %s", why);
        free(why);
        break;
    }
}

static void
check_memory(struct check_lines *c, libxl_ctx *ctx,
             const struct check_request *r)
{
    char *copy = xasprintf("%s--incoming", r->domain);
    uint64_t free_kb;
    uint32_t domid;

    if (!libxl_name_to_domid(ctx, r->domain, &domid)) {
        check_bad(c, CHECK_FAIL, "name", xasprintf(
                  "xl-remus destroy %u, if it is of no use any more", domid),
                  "there is a domain %s here already (domain %u): the copy "
                  "could not take its name", r->domain, domid);
    }
    if (!libxl_name_to_domid(ctx, copy, &domid)) {
        check_ok(c, "memory", "the copy is here already (domain %u), with its "
                 "memory", domid);
    } else if (!r->need_kb || libxl_get_free_memory(ctx, &free_kb)) {
        check_bad(c, CHECK_WARN, "memory", xstrdup("compare xl list there "
                  "with the free_memory of xl info here"),
                  "whether there is enough memory is not known: %s",
                  r->need_kb ? "Xen does not say what is free"
                  : "the other node does not know what the copy needs");
    } else if (free_kb < r->need_kb) {
        check_bad(c, CHECK_FAIL, "memory", xstrdup("end a domain, or give "
                  "domain 0 less (dom0_mem on Xen's command line)"),
                  "the copy needs %"PRIu64" MiB, and %"PRIu64" MiB are free",
                  (r->need_kb + 1023) / 1024, free_kb / 1024);
    } else {
        check_ok(c, "memory", "the copy needs %"PRIu64" MiB, %"PRIu64" MiB "
                 "are free", (r->need_kb + 1023) / 1024, free_kb / 1024);
    }
    free(copy);
}

static void
check_script(struct check_lines *c, const char *path)
{
    struct stat st;

    if (stat(path, &st) || !S_ISREG(st.st_mode) || access(path, X_OK)) {
        check_bad(c, CHECK_FAIL, "vif", xasprintf(
                  "dts-ctl check --repair on this node, or install it: a "
                  "takeover fails without it"), "the vifs' program %s cannot "
                  "be executed", path);
    } else {
        check_ok(c, "vif", "the vifs' program %s is there", path);
    }
}

/* The process that looks at files: a line for each, with what is said of
 * it. */
static void
look_at_files(const struct check_request *r, int out)
{
    uint64_t budget = CHECK_HASH_ALL;
    struct check_io io;
    int null;

    /* Should it be left behind, nobody is to wait for it. */
    null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    check_io_init(&io, null, out);
    for (size_t i = 0; i < r->n_files; i++) {
        struct json *o = json_object_create();
        struct check_lines c;

        check_lines_init(&c, "");
        check_file_compare(&c, &r->files[i], &budget);
        json_object_put(o, "checks", check_lines_to_json(&c));
        check_lines_uninit(&c);
        if (check_io_send(&io, o, FILES_MS)) {
            break;
        }
    }
    _exit(0);
}

/* A disk or a server of files that does not answer keeps who asks it, and no
 * signal ends that: so a process of its own asks, and meanwhile the asking end
 * is told that there is somebody. */
static void
check_files(struct check_lines *c, struct check_io *io,
            const struct check_request *r)
{
    int64_t deadline = time_usec() + FILES_MS * INT64_C(1000);
    int fds[2], error = 0;
    struct check_io from;
    struct json *json;
    size_t n = 0;
    pid_t pid;

    if (!r->n_files) {
        return;
    }
    pid = pipe2(fds, O_CLOEXEC) ? -1 : fork();
    if (!pid) {
        look_at_files(r, fds[1]);
    }
    if (pid < 0) {
        check_bad(c, CHECK_WARN, "files", xstrdup("once more"),
                  "no files were looked at (%s)", ovs_strerror(errno));
        return;
    }
    close(fds[1]);
    check_io_init(&from, fds[0], fds[0]);
    while (n < r->n_files && !error) {
        error = check_io_receive(&from, PROGRESS_MS, &json, NULL, NULL);
        if (!error) {
            check_lines_from_json(c, "", shash_find_data(json_object(json),
                                                         "checks"));
            json_destroy(json);
            n++;
        } else if (error == ETIMEDOUT && time_usec() < deadline) {
            error = check_io_send(io, json_object_create(), SEND_MS);
        }
    }
    if (n < r->n_files) {
        check_bad(c, CHECK_WARN, "files", xstrdup(
                  "does the disk, or the server, that they are on answer? "
                  "once more"), "%s, %s, and %"PRIuSIZE" more were not looked "
                  "at within %d s", r->files[n].what, r->files[n].path,
                  r->n_files - n - 1, FILES_MS / 1000);
    }
    check_io_uninit(&from);
    close(fds[0]);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, WNOHANG);
}

static void
check_here(struct check_lines *c, struct check_io *io,
           const struct check_request *r)
{
    char *error = NULL;
    libxl_ctx *ctx = remus_libxl_open(&error);

    if (ctx) {
        check_versions(c, ctx, r);
        check_cpu(c, r);
        check_memory(c, ctx, r);
        libxl_ctx_free(ctx);
    } else {
        check_bad(c, CHECK_FAIL, "xen", xstrdup(
                  "boot the Xen hypervisor; systemctl status xen"), "%s",
                  error);
        free(error);
    }
    check_files(c, io, r);
    for (size_t i = 0; i < r->n_scripts; i++) {
        check_script(c, r->scripts[i]);
    }
    check_helpers(c);
    check_plug(c, false);
    check_clock(c);
}

static struct json *
answer_to(struct check_io *io, const struct json *json, const char *domain,
          const char *asks, int *bulk_ms)
{
    struct json *o = json_object_create(), *facts, *status = NULL;
    struct check_request r;
    struct check_lines c;
    const char *problem = check_request_from_json(&r, json);

    check_lines_init(&c, "");
    if (!problem && strcmp(r.domain, domain)) {
        problem = "it is about another domain";
    }
    if (problem) {
        check_bad(&c, CHECK_FAIL, "request", xstrdup(
                  "install the same version of remus-dts on both nodes"),
                  "the other node's request is refused: %s", problem);
    } else {
        *bulk_ms = r.bulk_ms;
        /* Without the database it is not known who that is. */
        if (!check_agent(&c, "ctl", domain, "", &facts, &status)
            && check_pair(&c, status, domain, asks)) {
            check_here(&c, io, &r);
        }
        json_destroy(facts);
    }
    json_object_put(o, "answer", json_integer_create(1));
    json_object_put_string(o, "node", check_string(status, "node"));
    json_object_put(o, "checks", check_lines_to_json(&c));
    json_destroy(status);
    check_request_uninit(&r);
    check_lines_uninit(&c);
    return o;
}

static int
send_bulk_result(struct check_io *io, int bulk_ms)
{
    struct json *o = json_object_create();
    uint64_t bytes, us;
    int error = check_io_drain(io, bulk_ms, IDLE_MS, &bytes, &us);

    if (!error) {
        json_object_put(o, "bytes", json_integer_create(bytes));
        json_object_put(o, "us", json_integer_create(us));
        return check_io_send(io, o, SEND_MS);
    }
    json_destroy(o);
    return error;
}

int
check_answer(void)
{
    const char *domain = getenv("DTS_DOMAIN"), *asks = getenv("DTS_PEER");
    struct check_io io;
    int error = 0, bulk_ms = 0;

    if (!domain || !asks || isatty(STDIN_FILENO)) {
        return fail(DTS_EXIT_USAGE, "check --answer is run by dts-link, not "
                    "by hand");
    }
    signal(SIGPIPE, SIG_IGN);
    check_io_init(&io, STDIN_FILENO, STDOUT_FILENO);
    for (int i = 0; !error && i < MAX_PINGS; i++) {
        struct json *json;

        error = check_io_receive(&io, IDLE_MS, &json, NULL, NULL);
        if (error) {
            break;
        }
        if (check_int(json, "ping", 0)) {
            /* When it came, and when the answer leaves, are the same. */
            struct json *o = json_object_create();

            json_object_put(o, "now_us", json_integer_create(time_wall_usec()));
            error = check_io_send(&io, o, SEND_MS);
        } else {
            error = check_io_send(&io, answer_to(&io, json, domain, asks,
                                                 &bulk_ms), SEND_MS);
            if (!error && bulk_ms) {
                error = send_bulk_result(&io, bulk_ms);
            }
            /* Once: who asks again, connects again. */
            i = MAX_PINGS;
        }
        json_destroy(json);
    }
    check_io_uninit(&io);
    if (error && error != EOF) {
        return fail(DTS_EXIT_PARTLY, "the check of %s for %s: %s", domain,
                    asks, error == EPROTO ? "a line that is no object"
                    : ovs_strerror(error));
    }
    return DTS_EXIT_OK;
}
