/* SPDX-License-Identifier: Apache-2.0 */
/* The output buffer of a domain (see netbuf.h for the rule it serves).
 *
 * What is where:
 *
 *   netbuf-vifs.c      which vifs the domain has, which buffers were left
 *   netbuf-dev.c       devices, plug and filters of one vif (with the drawing)
 *   netbuf-match.c     which frames a real-time class admits
 *   netbuf-program.c   remus-netbuf-dts, for the port in Open vSwitch
 *   plug.c             which epoch is closed, and what may be asked next
 *   netbuf-talk.c      the requests of a checkpoint, and counters
 *
 * The order at the beginning: the pair and its plug, which lets all pass; then
 * dtsb in the vif's place, for all vifs in one transaction; then the filters on
 * the vif.  Between the last two the guest's frames go nowhere, for some
 * milliseconds.  At the end the same backwards, once what was held has left. */

#include <config.h>

#include "netbuf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <netlink/msg.h>

#include "netbuf-dev.h"
#include "netbuf-program.h"
#include "netbuf-talk.h"
#include "netbuf-vifs.h"
#include "plug.h"
#include "util.h"

struct remus_netbuf {
    unsigned int domid;
    size_t n_classes;
    struct netbuf_dev devs[PLUG_MAX];
    struct netbuf_request requests[PLUG_MAX][PLUG_N_OPS];
    struct plug_set set;        /* set.n devices. */
    struct netbuf_talk talk;
};

/* How long what was released may take to leave. */
#define DRAIN_MS 200

/* remus-netbuf-dts OP VIF=PORT... */
static char *
run_program(const char *op, const struct netbuf_dev devs[], size_t n)
{
    const char *argv[PLUG_MAX + 3] = { NULL, op };
    char *pairs[PLUG_MAX], *error;
    size_t i;

    if (!n) {
        return NULL;
    }
    for (i = 0; i < n; i++) {
        argv[i + 2] = pairs[i] = xasprintf("%s=%s", devs[i].vif, devs[i].port);
    }
    error = netbuf_program_run(argv);
    for (i = 0; i < n; i++) {
        free(pairs[i]);
    }
    return error;
}

/* Keeps the first of two errors. */
static void
first_error(char **error, char *another)
{
    if (!*error) {
        *error = another;
    } else {
        free(another);
    }
}

/* Takes what there is of buffers away, as 'end' says; goes on after errors. */
static char *
take_away(struct nl_sock *sock, struct netbuf_dev devs[], size_t n,
          enum remus_netbuf_end end)
{
    char *error = NULL;
    size_t i;

    if (end == REMUS_NETBUF_DROP) {
        error = run_program("cut", devs, n);
        for (i = 0; i < n; i++) {
            first_error(&error, netbuf_dev_remove(sock, &devs[i]));
        }
        return error;
    }

    for (i = 0; i < n; i++) {
        first_error(&error, netbuf_dev_release_all(sock, &devs[i]));
    }
    /* The vif's filters stay until it is a port again: else a frame might end
     * in dom0. */
    first_error(&error, run_program("remove", devs, n));
    for (i = 0; i < n && !error; i++) {
        first_error(&error, netbuf_dev_unredirect(sock, &devs[i]));
        if (!error) {
            first_error(&error, netbuf_dev_remove(sock, &devs[i]));
        }
    }
    return error;
}

static char *
lay(struct nl_sock *sock, struct remus_netbuf *nb,
    const struct remus_class classes[], size_t limit)
{
    size_t n = nb->set.n, i;
    char *error = NULL;

    for (i = 0; i < n && !error; i++) {
        error = netbuf_dev_prepare(sock, &nb->devs[i], limit);
    }
    if (!error) {
        error = run_program("insert", nb->devs, n);
    }
    for (i = 0; i < n && !error; i++) {
        error = netbuf_dev_redirect(sock, &nb->devs[i], classes,
                                    nb->n_classes);
    }
    return error;
}

/* The requests of a checkpoint, ready to be sent. */
static char *
make_requests(struct remus_netbuf *nb)
{
    size_t i;
    int op;

    for (i = 0; i < nb->set.n; i++) {
        for (op = 0; op < PLUG_N_OPS; op++) {
            struct nl_msg *msg = netbuf_plug_request(&nb->devs[i], op);
            struct netbuf_request *r = &nb->requests[i][op];
            const struct nlmsghdr *h = msg ? nlmsg_hdr(msg) : NULL;

            if (!h || h->nlmsg_len > sizeof r->data) {
                nlmsg_free(msg);
                return xstrdup("a request to the kernel cannot be made");
            }
            r->len = NLMSG_ALIGN(h->nlmsg_len);
            memcpy(r->data, h, h->nlmsg_len);
            nlmsg_free(msg);
        }
    }
    return NULL;
}

int
remus_netbuf_open(int domid, const struct remus_class classes[],
                  size_t n_classes, size_t limit, struct remus_netbuf **nbp,
                  char **errorp)
{
    struct remus_netbuf *nb = xzalloc(sizeof *nb);
    struct nl_sock *sock = NULL;
    char *error;
    int code = EINVAL;
    size_t n = 0;

    *nbp = NULL;
    nb->talk.fd = -1;
    nb->domid = domid;
    nb->n_classes = n_classes;
    /* Whether encrypted media are accepted was the caller's question. */
    error = remus_classes_check(classes, n_classes, true);
    if (!error) {
        code = ENODEV;
        error = netbuf_vifs_read(domid, nb->devs, &n);
    }
    if (!error) {
        code = EIO;
        plug_set_init(&nb->set, n);
        error = netbuf_sock_open(&sock);
    }
    if (!error) {
        error = lay(sock, nb, classes, limit);
        if (!error) {
            error = make_requests(nb);
        }
        if (!error) {
            code = netbuf_talk_open(&nb->talk);
            error = code ? xasprintf("netlink: %s", strerror(code)) : NULL;
        }
        if (error) {
            free(take_away(sock, nb->devs, n, REMUS_NETBUF_RELEASE));
        }
    }
    netbuf_sock_close(sock);
    if (error) {
        netbuf_talk_close(&nb->talk);
        free(nb);
        *errorp = error;
        return code;
    }
    *nbp = nb;
    return 0;
}

static int
run_op(struct remus_netbuf *nb, enum plug_op op)
{
    struct netbuf_request *requests[PLUG_MAX];
    size_t index[PLUG_MAX], n = 0, i;
    int answers[PLUG_MAX], error;

    error = plug_begin(&nb->set, op);
    if (error) {
        return error;
    }
    for (i = 0; i < nb->set.n; i++) {
        if (plug_wants(&nb->set, i)) {
            requests[n] = &nb->requests[i][op];
            index[n++] = i;
        }
    }
    error = netbuf_talk_batch(&nb->talk, requests, answers, n);
    for (i = 0; i < n; i++) {
        if (!answers[i]) {
            plug_acked(&nb->set, index[i]);
        } else if (!error) {
            error = answers[i];
        }
    }
    return error;
}

int
remus_netbuf_close_epoch(struct remus_netbuf *nb)
{
    return run_op(nb, PLUG_BUFFER);
}

int
remus_netbuf_release(struct remus_netbuf *nb)
{
    return run_op(nb, PLUG_RELEASE_ONE);
}

int
remus_netbuf_release_all(struct remus_netbuf *nb)
{
    return run_op(nb, PLUG_RELEASE_ALL);
}

int
remus_netbuf_stats(const struct remus_netbuf *nb_,
                   struct remus_netbuf_stats *stats)
{
    struct remus_netbuf *nb = CONST_CAST(struct remus_netbuf *, nb_);
    int error = 0;
    size_t i;

    memset(stats, 0, sizeof *stats);
    stats->n_vifs = nb->set.n;
    stats->n_classes = nb->n_classes;
    stats->intact = true;
    stats->held = nb->set.state != PLUG_PASSING;
    stats->closed = nb->set.state == PLUG_CLOSED;
    for (i = 0; i < nb->set.n; i++) {
        int e = netbuf_talk_count(&nb->talk, &nb->devs[i], stats);

        error = error ? error : e;
    }
    return error;
}

/* Waits a little until nothing is held any more. */
static void
wait_empty(struct remus_netbuf *nb)
{
    struct remus_netbuf_stats stats;
    int ms;

    for (ms = 0; ms < DRAIN_MS; ms++) {
        struct timespec pause = { .tv_nsec = 1000000 };

        if (remus_netbuf_stats(nb, &stats) || !stats.waiting.frames) {
            break;
        }
        nanosleep(&pause, NULL);
    }
}

int
remus_netbuf_close(struct remus_netbuf *nb, enum remus_netbuf_end end,
                   char **errorp)
{
    struct nl_sock *sock;
    char *error = NULL;

    if (end != REMUS_NETBUF_KEEP) {
        error = netbuf_sock_open(&sock);
        if (!error) {
            if (end == REMUS_NETBUF_RELEASE && !remus_netbuf_release_all(nb)) {
                wait_empty(nb);
            }
            error = take_away(sock, nb->devs, nb->set.n, end);
            netbuf_sock_close(sock);
        }
    }
    netbuf_talk_close(&nb->talk);
    free(nb);
    if (error) {
        *errorp = error;
        return EIO;
    }
    return 0;
}

int
remus_netbuf_undo(int domid, enum remus_netbuf_end end, char **errorp)
{
    struct netbuf_dev devs[PLUG_MAX];
    struct nl_sock *sock;
    size_t n = 0;
    char *error;

    if (end == REMUS_NETBUF_KEEP) {
        return 0;
    }
    error = netbuf_sock_open(&sock);
    if (!error) {
        error = netbuf_vifs_left(sock, domid, devs, &n);
        if (!error) {
            error = take_away(sock, devs, n, end);
        }
        netbuf_sock_close(sock);
    }
    if (error) {
        *errorp = error;
        return EIO;
    }
    return 0;
}
