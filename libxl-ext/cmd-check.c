/* SPDX-License-Identifier: Apache-2.0 */
/* `xl-remus check`: could that domain be protected, and would the other node
 * take it over?  Both ends are asked, before anything depends on it; a
 * protection that goes on is not disturbed. */

#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libxl_utils.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check-answer.h"
#include "check-lines.h"
#include "check-local.h"
#include "check-node.h"
#include "check-peer.h"
#include "check-rate.h"
#include "check-wire.h"
#include "engine.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "socket-util.h"
#include "svec.h"
#include "util.h"
#include "xl-remus.h"

#define INTERVAL_MS 200
#define BULK_MS 1000
#define OFFSET_MS 1000          /* That is still well. */

struct check {
    const char *what;           /* The domain, as it was named. */
    const char *host;           /* NULL: as the agent says. */
    const char *link;
    struct svec link_options;
    int interval_ms;
    bool bandwidth, measure_dirty, json, tty;

    struct check_lines lines;
    struct check_domain domain;
    struct check_engine engine;
    char *copy;                 /* Why there is one; NULL: there is none. */
    char *node, *peer;          /* Names. */
};

/* ----------------------------------------------------------------- options */

static void
usage(void)
{
    puts("usage: xl-remus check [OPTIONS] DOMAIN [HOST]\n"
         "Looks at both ends: could DOMAIN be protected to HOST (default: its "
         "standby), and would\nits copy run there?  Exit status 0: all well, "
         "6: warnings, 3: something fails.\n\n"
         "  -i MS              the interval that is wanted (200)\n"
         "  -d                 writable disks are replicated by other means\n"
         "  --no-bandwidth     do not measure it (a second of all that the "
         "link gives)\n"
         "  --measure-dirty    measure what the guest writes to: nothing may "
         "migrate, save or\n"
         "                     protect it meanwhile\n"
         "  --json             an object, for programs\n"
         "  --link-option=OPT  for dts-link; may be repeated\n"
         "  --link=PROGRAM     instead of dts-link");
}

enum {
    OPT_NO_BANDWIDTH = UCHAR_MAX + 1,
    OPT_MEASURE_DIRTY,
    OPT_JSON,
    OPT_LINK,
    OPT_LINK_OPTION,
    OPT_ANSWER,
};

static const struct option options[] = {
    {"interval", required_argument, NULL, 'i'},
    {"unreplicated-disks", no_argument, NULL, 'd'},
    {"no-bandwidth", no_argument, NULL, OPT_NO_BANDWIDTH},
    {"measure-dirty", no_argument, NULL, OPT_MEASURE_DIRTY},
    {"json", no_argument, NULL, OPT_JSON},
    {"link", required_argument, NULL, OPT_LINK},
    {"link-option", required_argument, NULL, OPT_LINK_OPTION},
    {"answer", no_argument, NULL, OPT_ANSWER},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Returns an exit status, or -1 to go on. */
static int
parse(struct check *ck, int argc, char *argv[], bool *answer)
{
    int c;

    optind = 0;
    while ((c = getopt_long(argc, argv, "+i:dh", options, NULL)) != -1) {
        switch (c) {
        case 'i':
            if (!str_to_int(optarg, 10, &ck->interval_ms)
                || ck->interval_ms < 1 || ck->interval_ms > 60000) {
                return fail(DTS_EXIT_USAGE, "-i %s: 1 to 60000 ms", optarg);
            }
            break;
        case 'd': ck->domain.disks_replicated = true; break;
        case OPT_NO_BANDWIDTH: ck->bandwidth = false; break;
        case OPT_MEASURE_DIRTY: ck->measure_dirty = true; break;
        case OPT_JSON: ck->json = true; break;
        case OPT_LINK: ck->link = optarg; break;
        case OPT_LINK_OPTION: svec_add(&ck->link_options, optarg); break;
        case OPT_ANSWER: *answer = true; break;
        case 'h': usage(); return DTS_EXIT_OK;
        default: return fail(DTS_EXIT_USAGE, "xl-remus check --help shows the "
                             "options");
        }
    }
    if (*answer ? argc != optind
        : argc - optind < 1 || argc - optind > 2) {
        return fail(DTS_EXIT_USAGE, "usage: xl-remus check [OPTIONS] DOMAIN "
                    "[HOST]");
    }
    return -1;
}

/* ---------------------------------------------------------------- progress */

static void
tick(void *ck_, int seconds)
{
    const struct check *ck = ck_;

    if (ck->tty) {
        fprintf(stderr, "\rxl-remus: waiting for %s, %d s\033[K", ck->peer,
                seconds);
    }
}

static void
progress(const struct check *ck, const char *what)
{
    if (ck->tty) {
        fprintf(stderr, "\r%s%s%s", what[0] ? "xl-remus: " : "", what,
                "\033[K");
    }
}

/* ----------------------------------------------------------------- binding */

/* Of a domain that is here and not bound to another node. */
static void
say_binding(struct check_lines *c, const struct json *d, const char *domain)
{
    const char *owner = check_string(d, "owner");
    const char *standby = check_string(d, "standby");

    if (!owner[0]) {
        check_bad(c, CHECK_FAIL, "binding", xasprintf(
                  "dts-ctl status %s; dts-ctl domain-add makes one", domain),
                  "%s has no binding: it belongs to no node", domain);
    } else if (check_true(d, "backward")) {
        check_bad(c, CHECK_FAIL, "binding", xasprintf(
                  "make sure who runs it, then: dts-ctl adopt %s", domain),
                  "the database has an older binding of %s than this node "
                  "has seen: it is not followed", domain);
    } else if (!check_true(d, "may_run")) {
        check_bad(c, CHECK_FAIL, "binding", xasprintf(
                  "dts-ctl status %s", domain), "%s may not run here (%s): "
                  "its frames are dropped", domain, check_string(d, "state"));
    } else {
        check_ok(c, "binding", "%s is bound to this node (%s), standby %s",
                 domain, check_string(d, "state"),
                 standby[0] ? standby : "nobody");
    }
}

/* The agent's word, which other lines depend on.  Returns an exit status, and
 * in '*error' why, if there is nothing to check here, else 0. */
static int
check_binding(struct check *ck, const char *domain, bool here, char **error)
{
    struct json *facts, *status;
    const struct json *d;
    struct sockaddr_storage ss;
    const char *owner;
    int code = 0;
    /* An address is dts-link's to understand. */
    const char *named = (ck->host && !inet_parse_active(ck->host, 1, &ss,
                                                        false, NULL)
                         ? ck->host : "");

    check_agent(&ck->lines, "check", domain, named, &facts, &status);
    free(ck->node);
    free(ck->peer);
    ck->node = xstrdup(check_string(facts, "node"));
    ck->peer = xstrdup(check_string(facts, "peer"));
    d = check_agent_domain(status, domain);
    owner = check_string(d, "owner");
    if (owner[0] && strcmp(owner, ck->node)) {
        code = remus_error(error, DTS_EXIT_REFUSED, "%s is bound to %s, not "
                           "to this node (%s)%s: xl-remus check %s there, or "
                           "dts-ctl switch %s %s first", domain, owner,
                           ck->node, here
                           ? ", and its frames are dropped here" : "", domain,
                           domain, ck->node);
    } else if (d && here) {
        say_binding(&ck->lines, d, domain);
    } else if (status && here) {
        check_bad(&ck->lines, CHECK_FAIL, "binding", xasprintf(
                  "dts-ctl domain-add %s ...", domain),
                  "dts-agent says nothing of %s", domain);
    }
    json_destroy(facts);
    json_destroy(status);
    return code;
}

/* -------------------------------------------------------------- other node */

static void
say_clocks(struct check_lines *c, const struct check_clocks *k,
           const char *peer)
{
    double offset = k->offset_us / 1e3, within = k->rtt_us / 2e3;

    if (offset > OFFSET_MS || offset < -OFFSET_MS) {
        check_bad(c, CHECK_WARN, "clocks", xstrdup(
                  "apt install chrony (in dom0) on both"), "the clock of %s "
                  "is %.0f ms %s ours (within %.1f ms): the phases of a "
                  "failover cannot be compared (nothing else needs it)", peer,
                  offset > 0 ? offset : -offset,
                  offset > 0 ? "ahead of" : "behind", within);
    } else {
        check_ok(c, "clocks", "they are %.1f ms apart, within %.1f ms",
                 offset > 0 ? offset : -offset, within);
    }
}

static void
no_peer(struct check *ck, char *error)
{
    check_bad(&ck->lines, CHECK_FAIL, "link", xasprintf(
              "on %s: systemctl status dts-link, dts-ctl check; here: dts-ctl "
              "check", ck->peer), "%s cannot be asked: %s", ck->peer, error);
    free(error);
}

/* Why a copy of the domain is made; NULL: none is. */
static char *
find_copy(const struct check *ck)
{
    return (ck->engine.is_protected
            ? xasprintf("%s is protected", ck->domain.name)
            : ck->engine.lives
            ? xasprintf("%s is just about to be protected, or tried again",
                        ck->domain.name)
            : check_copy(ck->domain.name, ck->domain.domid, true));
}

/* Returns bytes a second; 0: not known. */
static double
measure_bandwidth(struct check *ck, struct check_peer *p, int bulk_ms)
{
    double rate = 0;
    char *error;

    if (!ck->copy && bulk_ms) {
        ck->copy = find_copy(ck);       /* One may have been begun. */
    }
    if (ck->copy) {
        check_ok(&ck->lines, "bandwidth", "not measured, the link is the "
                 "copy's: %s", ck->copy);
        return 0;
    } else if (!bulk_ms) {
        check_bad(&ck->lines, CHECK_WARN, "bandwidth", xstrdup(
                  "without --no-bandwidth it is"), "not measured: it is not "
                  "known which interval the link can hold");
        return 0;
    }
    progress(ck, "measuring the bandwidth");
    error = check_peer_bandwidth(p, bulk_ms, &rate);
    if (error) {
        check_bad(&ck->lines, CHECK_WARN, "bandwidth", xstrdup(
                  "once more; dts-ctl check looks at the tunnel"),
                  "not measured: %s", error);
        free(error);
        return 0;
    }
    check_ok(&ck->lines, "bandwidth", "%.1f MB/s to %s (%.1f Mbit/s)",
             rate / 1e6, ck->peer, rate * 8 / 1e6);
    return rate;
}

/* Asks the other node.  True if it answered; then 'clocks' and, if it was
 * measured, '*bandwidth' are set. */
static bool
ask_peer(struct check *ck, struct check_request *request,
         struct check_clocks *clocks, double *bandwidth)
{
    const char *problem;
    struct check_peer p;
    struct json *answer;
    bool ok = false;
    char *error;

    progress(ck, "asking the other node");
    request->bulk_ms = ck->bandwidth && !ck->copy ? BULK_MS : 0;
    error = check_peer_open(&p, ck->link, &ck->link_options, ck->domain.name,
                            ck->host);
    p.tick = tick;
    p.aux = ck;
    if (!error) {
        error = check_peer_ping(&p, clocks);
    }
    if (!error) {
        check_ok(&ck->lines, "link", "%s answers by dts-link, within %.1f ms",
                 ck->peer, clocks->rtt_us / 1e3);
        say_clocks(&ck->lines, clocks, ck->peer);
        error = check_peer_ask(&p, request, &answer);
    }
    if (error) {
        no_peer(ck, error);
    } else {
        size_t n = ck->lines.n;

        problem = check_lines_from_json(
            &ck->lines, ck->peer, shash_find_data(json_object(answer),
                                                  "checks"));
        if (!problem) {
            problem = check_lines_lack(&ck->lines, n);
        }
        if (problem) {
            no_peer(ck, xasprintf("its answer is not understood: %s",
                                  problem));
        } else {
            *bandwidth = measure_bandwidth(ck, &p, request->bulk_ms);
            ok = true;
        }
        json_destroy(answer);
    }
    check_peer_close(&p);
    return ok;
}

/* ------------------------------------------------------------------ output */

/* 'error' is why nothing more was looked at; NULL: all was. */
static void
print(const struct check *ck, const char *error)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    if (ck->json) {
        struct json *o = json_object_create();

        json_object_put_string(o, "node", ck->node ? ck->node : "");
        json_object_put_string(o, "peer", ck->peer ? ck->peer : "");
        json_object_put_string(o, "domain", ck->domain.name
                               ? ck->domain.name : ck->what);
        if (error) {
            json_object_put_string(o, "error", error);
        }
        check_lines_put(&ck->lines, o);
        json_to_ds(o, JSSF_SORT | JSSF_PRETTY, &ds);
        ds_put_char(&ds, '\n');
        json_destroy(o);
    } else {
        check_format(&ck->lines, &ds);
    }
    fputs(ds_cstr(&ds), stdout);
    ds_destroy(&ds);
}

static int
run(struct check *ck)
{
    const char *what = ck->what;
    struct check_request request;
    struct check_clocks clocks;
    double bandwidth = 0;
    char *error = NULL;
    bool answers = false;
    int code;

    ck->domain.ctx = remus_libxl_open(&error);
    if (!ck->domain.ctx) {
        code = DTS_EXIT_NO_DATABASE;
        goto out;
    }
    code = engine_find_domain(ck->domain.ctx, what, &ck->domain.domid,
                              &ck->domain.name, &error);
    if (code) {
        /* Perhaps it is just elsewhere: that is more to the point. */
        char *better = NULL;
        int elsewhere = (code == DTS_EXIT_NOT_FOUND
                         ? check_binding(ck, what, false, &better) : 0);

        if (elsewhere) {
            free(error);
            error = better;
            code = elsewhere;
        }
        goto out;
    }
    code = check_binding(ck, ck->domain.name, true, &error);
    if (code) {
        goto out;
    }
    check_lines_set_node(&ck->lines, ck->node);
    check_engine_look(ck->domain.name, &ck->engine);
    ck->copy = find_copy(ck);
    ck->domain.is_protected = ck->engine.is_protected;
    ck->domain.has_copy = ck->copy != NULL;
    progress(ck, "looking at the domain and its files");
    if (check_local(&ck->lines, &ck->domain, &request)) {
        ck->lines.node = "";
        if (ck->peer[0] || ck->host) {
            answers = ask_peer(ck, &request, &clocks, &bandwidth);
        } else if (ck->node[0]) {
            check_bad(&ck->lines, CHECK_FAIL, "link", xasprintf(
                      "dts-ctl domain-set %s secondary=NODE",
                      ck->domain.name), "%s has no standby",
                      ck->domain.name);
        }
        progress(ck, "looking at what the domain writes to");
        check_rate(&ck->lines, &(struct check_rate) {
            .domain = ck->domain.name,
            .domid = ck->domain.domid,
            .interval_ms = ck->interval_ms,
            .engine = &ck->engine,
            .copy = ck->copy,
            .measure_dirty = ck->measure_dirty,
            .peer = ck->peer,
            .clocks = answers ? &clocks : NULL,
            .bandwidth = bandwidth,
        });
    }
    check_request_uninit(&request);
    progress(ck, "");
    print(ck, NULL);
    code = check_exit_code(&ck->lines);
out:
    if (error) {
        if (ck->json) {
            print(ck, error);
        }
        fail(code, "%s", error);
        free(error);
    }
    libxl_ctx_free(ck->domain.ctx);
    return code;
}

int
cmd_check(int argc, char *argv[])
{
    struct check ck = {
        .interval_ms = INTERVAL_MS,
        .bandwidth = true,
        .tty = isatty(STDERR_FILENO),
        .link_options = SVEC_EMPTY_INITIALIZER,
    };
    bool answer = false;
    int code = parse(&ck, argc, argv, &answer);

    if (code < 0 && answer) {
        code = check_answer();
    } else if (code < 0) {
        ck.host = argv[optind + 1];
        check_lines_init(&ck.lines, "");
        signal(SIGPIPE, SIG_IGN);
        ck.what = argv[optind];
        code = run(&ck);
        check_lines_uninit(&ck.lines);
    }
    svec_destroy(&ck.link_options);
    free(ck.domain.name);
    free(ck.copy);
    free(ck.node);
    free(ck.peer);
    return code;
}
