/* SPDX-License-Identifier: Apache-2.0 */
/* dts-domwatch: tells the agent what the hypervisor says of the domains.
 *
 * The agent itself does not link libxl, whose ABI changes with each release of
 * Xen; this little program does, and is restarted by the agent when it ends.
 * It prints a JSON object a line: one for each domain at the start, then one
 * for each change; "query DOMID" on standard input prints that domain's line
 * again.  It ends with its standard input.
 *
 * xenstored says @releaseDomain whenever some domain was shut down or went
 * away, which with Remus is at every checkpoint, as that suspends the domain.
 * So each such event is one hypercall and no more, and "suspended" is told
 * only of a domain that stays so for SETTLE_MS: what is told otherwise would
 * be wrong by the time that it is read.  A look each POLL_MS finds what
 * xenstored does not tell: pauses, and the end of a suspension. */

#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

#include "domlist.h"
#include "openvswitch/hmap.h"
#include "remus-dts/exit.h"
#include "util.h"

#define POLL_MS 1000
#define SETTLE_MS 1000

/* A domain that was there at the last look. */
struct known {
    struct hmap_node node;      /* In 'known', by domid. */
    struct dom told;            /* As it was printed last. */
    struct dom suspended;       /* When it was first seen so; .domid 0: no. */
    long long int since;        /* Of 'suspended'. */
    bool seen;                  /* At this look. */
};

static struct hmap known = HMAP_INITIALIZER(&known);
static long long int settle_ms = SETTLE_MS;
static libxl_ctx *ctx;

static long long int
now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void
print_dom(const struct dom *d)
{
    struct json *json = dom_to_json(d);
    char *s = json_to_string(json, JSSF_SORT);

    puts(s);
    if (fflush(stdout)) {
        exit(DTS_EXIT_OK);      /* Nobody listens any more. */
    }
    free(s);
    json_destroy(json);
}

static struct known *
find_known(uint32_t domid)
{
    struct known *k;

    HMAP_FOR_EACH_WITH_HASH (k, node, domid, &known) {
        if (k->told.domid == domid) {
            return k;
        }
    }
    return NULL;
}

/* Tells 'd' if it is not what was told last. */
static void
tell(struct known *k, const struct dom *d, bool always)
{
    bool same = (k->told.state == d->state
                 && !strcmp(k->told.reason, d->reason));

    if (!same || always) {
        char *name = domlist_name(ctx, d->domid);

        /* A domain that goes away loses its name first. */
        if (name[0] || !k->told.name) {
            free(k->told.name);
            k->told.name = name;
        } else {
            free(name);
        }
        name = k->told.name;
        k->told = *d;
        k->told.name = name;
        print_dom(&k->told);
    }
}

/* Takes note of how domain 'd' is now. */
static void
judge(const struct dom *d, bool always)
{
    struct known *k = find_known(d->domid);

    if (k && strcmp(k->told.uuid, d->uuid)) {
        /* The number was given to another domain between two looks. */
        k->told.state = DOM_GONE;
        k->told.reason = "";
        print_dom(&k->told);
        hmap_remove(&known, &k->node);
        dom_uninit(&k->told);
        free(k);
        k = NULL;
    }
    if (!k) {
        k = xzalloc(sizeof *k);
        k->told = *d;
        k->told.name = NULL;
        hmap_insert(&known, &k->node, d->domid);
        always = true;
    }
    k->seen = true;

    if (!dom_is_suspended(d)) {
        k->suspended.domid = 0;
        tell(k, d, always);
    } else if (!k->suspended.domid || !dom_still_suspended(&k->suspended, d)) {
        /* Suspended now, or again. */
        k->suspended = *d;
        k->since = now_ms();
        if (always) {
            tell(k, d, true);
        } else if (dom_is_suspended(&k->told)) {
            /* It ran since that was told. */
            struct dom running = *d;

            running.state = DOM_RUNNING;
            running.reason = "";
            tell(k, &running, false);
        }
    } else if (always || now_ms() - k->since >= settle_ms) {
        tell(k, d, always);
    }
}

/* One look at all domains. */
static void
look(void)
{
    struct domlist list;
    struct known *k;
    size_t i;

    if (!domlist_get(ctx, false, &list)) {
        ovs_fatal(0, "Xen does not answer");
    }
    for (i = 0; i < list.n; i++) {
        judge(&list.doms[i], false);
    }
    HMAP_FOR_EACH_SAFE (k, node, &known) {
        if (!k->seen) {
            k->told.state = DOM_GONE;
            k->told.reason = "";
            print_dom(&k->told);
            hmap_remove(&known, &k->node);
            dom_uninit(&k->told);
            free(k);
        } else {
            k->seen = false;
        }
    }
    domlist_uninit(&list);
}

static void
query(const char *arg)
{
    struct domlist list;
    const struct dom *d;
    int domid;

    if (!str_to_int(arg, 10, &domid) || domid <= 0) {
        fprintf(stderr, "%s: query %s: not a domain's number\n", program_name,
                arg);
        return;
    }
    if (!domlist_get(ctx, false, &list)) {
        ovs_fatal(0, "Xen does not answer");
    }
    d = domlist_find(&list, domid);
    if (d) {
        judge(d, true);
        find_known(domid)->seen = false;
    } else {
        struct dom gone = { .domid = domid, .name = CONST_CAST(char *, ""),
                            .state = DOM_GONE, .reason = "" };

        print_dom(&gone);
    }
    domlist_uninit(&list);
}

/* Reads commands; false at the end of them. */
static bool
run_stdin(void)
{
    static char buf[256];
    static size_t len;
    ssize_t n = read(STDIN_FILENO, buf + len, sizeof buf - 1 - len);
    char *line, *nl;

    if (n < 0 && errno == EINTR) {
        return true;
    } else if (n <= 0) {
        return false;
    }
    len += n;
    buf[len] = '\0';
    line = buf;
    while ((nl = strchr(line, '\n'))) {
        *nl = '\0';
        if (!strncmp(line, "query ", 6)) {
            query(line + 6);
        } else if (line[0]) {
            fprintf(stderr, "%s: \"%s\": only \"query DOMID\" is known\n",
                    program_name, line);
        }
        line = nl + 1;
    }
    len -= line - buf;
    memmove(buf, line, len);
    if (len == sizeof buf - 1) {
        len = 0;                /* A line that is far too long. */
    }
    return true;
}

/* Until when may we sleep: the next look. */
static int
next_look(long long int last, int poll_ms)
{
    long long int now = now_ms(), next = last + poll_ms;
    const struct known *k;

    HMAP_FOR_EACH (k, node, &known) {
        if (k->suspended.domid && !dom_is_suspended(&k->told)) {
            next = MIN(next, k->since + settle_ms);
        }
    }
    return next > now ? MIN(next - now, poll_ms) : 0;
}

/* libxenstore does not tell that its connection broke: only a question does. */
static bool
xenstored_lives(struct xs_handle *xs)
{
    char *path = xs_get_domain_path(xs, 0);

    free(path);
    return path != NULL;
}

static void
run(int poll_ms)
{
    struct xs_handle *xs = xs_open(0);
    long long int last;

    if (!xs || !xs_watch(xs, "@releaseDomain", "r")
        || !xs_watch(xs, "@introduceDomain", "i")) {
        ovs_fatal(errno, "xenstore: is xenstored running?");
    }
    look();
    last = now_ms();
    for (;;) {
        struct pollfd fds[2] = {
            { .fd = STDIN_FILENO, .events = POLLIN },
            { .fd = xs_fileno(xs), .events = POLLIN },
        };
        bool due = !poll(fds, 2, next_look(last, poll_ms));
        char **event;

        if (fds[0].revents && !run_stdin()) {
            break;
        }
        if (fds[1].revents) {
            while ((event = xs_check_watch(xs))) {
                free(event);
                due = true;
            }
        }
        if (now_ms() - last >= poll_ms && !xenstored_lives(xs)) {
            /* libxl's own connection to it is lost too.  The agent starts
             * this program again. */
            ovs_fatal(0, "xenstored went away");
        }
        if (due || now_ms() - last >= poll_ms) {
            look();
            last = now_ms();
        }
    }
    xs_close(xs);
}

static void
usage(void)
{
    printf("dts-domwatch: tells the agent what the hypervisor says of the "
           "domains.\n"
           "usage: dts-domwatch [OPTIONS]\n"
           "  --poll=MS     look at least so often (default: %d)\n"
           "  --settle=MS   a domain suspended for so long is told as "
           "suspended (default: %d)\n"
           "  -h, --help    this help\n"
           "  -V, --version version\n"
           "Prints one JSON object a line; reads \"query DOMID\".  See "
           "dts-domwatch(8).\n", POLL_MS, SETTLE_MS);
}

int
main(int argc, char *argv[])
{
    static const struct option options[] = {
        { "poll", required_argument, NULL, 'p' },
        { "settle", required_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { NULL, 0, NULL, 0 },
    };
    int poll_ms = POLL_MS, value, c;

    ovs_set_program_name("dts-domwatch", DTS_VERSION);
    while ((c = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
        switch (c) {
        case 'p':
        case 's':
            if (!str_to_int(optarg, 10, &value) || value < 1
                || value > 3600000) {
                fprintf(stderr, "%s: %s: a time from 1 to 3600000 ms is "
                        "wanted\n", program_name, optarg);
                return DTS_EXIT_USAGE;
            }
            if (c == 'p') {
                poll_ms = value;
            } else {
                settle_ms = value;
            }
            break;
        case 'h':
            usage();
            return DTS_EXIT_OK;
        case 'V':
            puts("dts-domwatch (remus-dts) " DTS_VERSION);
            return DTS_EXIT_OK;
        default:
            return DTS_EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: %s: no argument is expected\n", program_name,
                argv[optind]);
        return DTS_EXIT_USAGE;
    }

    ctx = domlist_open();
    if (!ctx) {
        return DTS_EXIT_NO_DATABASE;
    }
    run(poll_ms);
    libxl_ctx_free(ctx);
    return DTS_EXIT_OK;
}
