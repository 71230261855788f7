/* SPDX-License-Identifier: Apache-2.0 */

/* xenstore, watched by a thread of its own.
 *
 * libxenstore's calls wait for xenstored, and the agent must not wait for
 * anybody.  So one thread keeps the watches and, after each change, puts a
 * snapshot of all domains into a list that the main loop empties.  A snapshot
 * that tells anything is never left out: a rename that is undone again must be
 * seen as two.
 *
 * Some of what is watched a guest may write itself, as often as it likes: it
 * makes this thread look, but no more than PAUSE_MS and the time that a look
 * takes allow, and wakes the main loop only with news.
 *
 * Only names, first MACs and the toolstack's requests to shut down are read:
 * watching more would cost dom0 more than the failover that it is for. */

#include <config.h>
#include "dts-config.h"
#include "xs.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guarded-list.h"
#include "latch.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "timeval.h"
#include "util.h"

#ifdef HAVE_XEN
#include <xenstore.h>
#endif

VLOG_DEFINE_THIS_MODULE(xs);

/* After so many looks one after the other there is a pause before each. */
#define BURST 32
#define PAUSE_MS 10
#define PAUSE_TIMES 4           /* What a look takes, but not over... */
#define MAX_PAUSE_MS 200
#define MAX_EVENTS 1000         /* That are taken before a look. */
#define MAX_ITEMS 1000          /* Before the main loop takes any. */

struct item {
    struct ovs_list list_node;
    struct xs_snapshot snapshot;
};

static struct guarded_list items;
static struct latch latch;
static struct latch look;       /* A snapshot is wanted. */
static const char *error = "not asked yet";

void
xs_snapshot_destroy(struct xs_snapshot *s)
{
    if (s) {
        for (size_t i = 0; i < s->n; i++) {
            free(s->domains[i].name);
            free(s->domains[i].mac);
            free(s->domains[i].shutdown);
        }
        free(s->domains);
        free(CONTAINER_OF(s, struct item, snapshot));
    }
}

struct xs_snapshot *
xs_thread_next(void)
{
    latch_poll(&latch);
    struct ovs_list *node = guarded_list_pop_front(&items);
    return node ? &CONTAINER_OF(node, struct item, list_node)->snapshot : NULL;
}

void
xs_thread_look(void)
{
    latch_set(&look);
}

void
xs_thread_wait(void)
{
    latch_wait(&latch);
}

const char *
xs_thread_error(void)
{
    return error;
}

#ifdef HAVE_XEN
/* What is read of a domain, and watched.  The MAC is libxl's own note of it: in
 * its frontend's directory the guest could write another one, and be taken for
 * another domain. */
enum leaf { LEAF_NAME, LEAF_MAC, LEAF_SHUTDOWN, N_LEAVES };
static const struct {
    const char *above, *below;  /* Of the domid. */
} leaves[N_LEAVES] = {
    [LEAF_NAME] = { "/local/domain", "name" },
    [LEAF_MAC] = { "/libxl", "device/vif/0/mac" },
    [LEAF_SHUTDOWN] = { "/local/domain", "control/shutdown" },
};

static void
leaf_path(char *path, size_t size, enum leaf leaf, const char *domid)
{
    snprintf(path, size, "%s/%s/%s", leaves[leaf].above, domid,
             leaves[leaf].below);
}

/* Reads DOMID's 'leaf'; "" if there is none.  Sets '*failed' if xenstored did
 * not answer. */
static char *
read_leaf(struct xs_handle *xs, const char *domid, enum leaf leaf,
          bool *failed)
{
    char path[128];
    unsigned int len;

    leaf_path(path, sizeof path, leaf, domid);
    char *value = xs_read(xs, XBT_NULL, path, &len);
    if (!value && errno != ENOENT && errno != EACCES) {
        *failed = true;
    }
    return value ? value : xstrdup("");
}

static void
watch_domain(struct xs_handle *xs, const char *domid, bool on)
{
    for (enum leaf i = 0; i < N_LEAVES; i++) {
        char path[128];

        leaf_path(path, sizeof path, i, domid);
        if (on) {
            xs_watch(xs, path, domid);
        } else {
            xs_unwatch(xs, path, domid);
        }
    }
}

/* True if 's' is as '*last' says, which is put right else. */
static bool
is_known(const struct xs_snapshot *s, struct ds *last)
{
    struct ds now = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < s->n; i++) {
        const struct xs_domain *d = &s->domains[i];

        ds_put_format(&now, "%d", d->domid);
        ds_put_buffer(&now, "", 1);
        ds_put_buffer(&now, d->name, strlen(d->name) + 1);
        ds_put_buffer(&now, d->mac, strlen(d->mac) + 1);
        ds_put_buffer(&now, d->shutdown, strlen(d->shutdown) + 1);
    }
    bool known = (last->string && now.length == last->length
                  && (!now.length
                      || !memcmp(now.string, last->string, now.length)));
    ds_swap(&now, last);
    ds_cstr(last);              /* Nothing is something, too. */
    ds_destroy(&now);
    return known;
}

/* Watches the domains that are new, forgets those that are gone ('watched' is
 * a list of their domids, changed in place), and queues a snapshot if it is not
 * as the last one.  Returns false if xenstored did not answer. */
static bool
take_snapshot(struct xs_handle *xs, char ***watched, unsigned int *n_watched,
              struct ds *last)
{
    unsigned int n;
    char **domids = xs_directory(xs, XBT_NULL, "/local/domain", &n);
    if (!domids && errno != ENOENT) {
        return false;
    }
    if (!domids) {
        n = 0;
    }

    for (unsigned int i = 0; i < *n_watched; i++) {
        bool there = false;
        for (unsigned int j = 0; j < n && !there; j++) {
            there = !strcmp((*watched)[i], domids[j]);
        }
        if (!there) {
            watch_domain(xs, (*watched)[i], false);
        }
    }

    struct item *item = xzalloc(sizeof *item);
    struct xs_snapshot *s = &item->snapshot;
    bool failed = false;
    s->connected = true;
    s->mono_us = time_usec();
    s->domains = xcalloc(n, sizeof *s->domains);
    for (unsigned int i = 0; i < n; i++) {
        bool old = false;
        for (unsigned int j = 0; j < *n_watched && !old; j++) {
            old = !strcmp((*watched)[j], domids[i]);
        }
        if (strcmp(domids[i], "0")) {
            if (!old) {
                watch_domain(xs, domids[i], true);
            }
            s->domains[s->n++] = (struct xs_domain) {
                .domid = atoi(domids[i]),
                .name = read_leaf(xs, domids[i], LEAF_NAME, &failed),
                .mac = read_leaf(xs, domids[i], LEAF_MAC, &failed),
                .shutdown = read_leaf(xs, domids[i], LEAF_SHUTDOWN, &failed),
            };
        }
    }
    if (failed) {               /* Half a picture is none. */
        xs_snapshot_destroy(s);
        free(domids);
        return false;
    }
    free(*watched);
    *watched = domids;          /* One block of memory: libxenstore's way. */
    *n_watched = n;
    if (is_known(s, last)) {
        xs_snapshot_destroy(s);
        return true;
    }
    while (!guarded_list_push_back(&items, &item->list_node, MAX_ITEMS)) {
        usleep(PAUSE_MS * 1000);
    }
    latch_set(&latch);
    return true;
}

static void
push_disconnected(void)
{
    struct item *item = xzalloc(sizeof *item);
    item->snapshot.mono_us = time_usec();
    guarded_list_push_back(&items, &item->list_node, SIZE_MAX);
    latch_set(&latch);
}

/* Takes the events that are there.  Returns false if xenstored is away. */
static bool
take_events(struct xs_handle *xs)
{
    char **event;

    errno = 0;
    for (int i = 0; i < MAX_EVENTS && (event = xs_check_watch(xs)); i++) {
        free(event);
        errno = 0;
    }
    return !errno || errno == EAGAIN;
}

/* Waits for something to look at.  Returns false if that cannot be done. */
static bool
await(struct xs_handle *xs, int timeout, bool *any)
{
    struct pollfd p[2] = {
        { .fd = xs_fileno(xs), .events = POLLIN },
        { .fd = look.fds[0], .events = POLLIN },
    };
    int n = poll(p, ARRAY_SIZE(p), timeout);

    *any = n > 0;
    return n >= 0 || errno == EINTR;
}

/* Serves one connection until it breaks. */
static void
serve(struct xs_handle *xs)
{
    struct ds last = DS_EMPTY_INITIALIZER;
    char **watched = NULL;
    unsigned int n_watched = 0;
    long long int took = 0;     /* us: the last look. */
    int looks = 0;              /* One after the other. */

    if (!xs_watch(xs, "@introduceDomain", "*")
        || !xs_watch(xs, "@releaseDomain", "*")) {
        error = "xenstored refuses watches";
        return;
    }
    error = NULL;
    for (;;) {
        bool any;

        if (!await(xs, PAUSE_MS, &any)) {
            break;
        } else if (!any) {
            looks = 0;          /* Nothing came for a while. */
            if (!await(xs, -1, &any)) {
                break;
            }
        } else if (looks >= BURST) {
            usleep(MIN(MAX(PAUSE_MS * 1000, PAUSE_TIMES * took),
                       MAX_PAUSE_MS * 1000));
        }
        looks++;
        latch_poll(&look);
        if (!take_events(xs)) {
            break;
        }

        long long int begun = time_usec();
        if (!take_snapshot(xs, &watched, &n_watched, &last)) {
            break;
        }
        took = time_usec() - begun;
    }
    free(watched);
    ds_destroy(&last);
    error = "xenstored went away";
}

static void *
thread_main(void *aux OVS_UNUSED)
{
    for (;;) {
        struct xs_handle *xs = xs_open(0);
        if (xs) {
            serve(xs);
            xs_close(xs);
            push_disconnected();
        } else {
            error = "xenstored does not answer (is this a Xen dom0?)";
        }
        sleep(1);
    }
    return NULL;
}
#endif /* HAVE_XEN */

void
xs_thread_start(void)
{
    guarded_list_init(&items);
    latch_init(&latch);
    latch_init(&look);
#ifdef HAVE_XEN
    ovs_thread_create("xenstore", thread_main, NULL);
#else
    error = "built without Xen";
#endif
}
