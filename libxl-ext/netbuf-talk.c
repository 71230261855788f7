/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the kernel on a socket kept open.
 *
 * Netlink's answer to a request is in the socket's queue when send() returns:
 * the kernel works in the sender's context.  So closing an epoch on all vifs of
 * a domain is one send() and a recv() for each, and waits for nothing but the
 * kernel's own lock (RTNL).  libnl made the requests (netbuf-dev.c); here they
 * are only numbered and sent. */

#include <config.h>

#include "netbuf-talk.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util.h"

/* For a kernel that does not answer at all. */
#define ANSWER_S 5

int
netbuf_talk_open(struct netbuf_talk *t)
{
    struct sockaddr_nl local = { .nl_family = AF_NETLINK };
    struct timeval tv = { .tv_sec = ANSWER_S };
    int one = 1;

    t->seq = 0;
    t->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (t->fd < 0) {
        return errno;
    }
    if (bind(t->fd, (struct sockaddr *) &local, sizeof local)
        || setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv)) {
        int error = errno;

        netbuf_talk_close(t);
        return error;
    }
    /* Answers need not repeat the request. */
    setsockopt(t->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
    return 0;
}

void
netbuf_talk_close(struct netbuf_talk *t)
{
    if (t->fd >= 0) {
        close(t->fd);
        t->fd = -1;
    }
}

static int
send_all(int fd, struct iovec *iov, size_t n)
{
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    struct msghdr msg = {
        .msg_name = &kernel, .msg_namelen = sizeof kernel,
        .msg_iov = iov, .msg_iovlen = n,
    };
    ssize_t sent;

    do {
        sent = sendmsg(fd, &msg, 0);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? errno : 0;
}

/* Reads messages, and calls 'cb' for each that the kernel sent to us, until it
 * returns true. */
static int
receive(struct netbuf_talk *t, bool (*cb)(const struct nlmsghdr *, void *),
        void *aux)
{
    bool done = false;

    while (!done) {
        ssize_t n = recv(t->fd, t->in, sizeof t->in, MSG_TRUNC);
        const struct nlmsghdr *h;
        size_t left = n;

        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno == EAGAIN ? ETIMEDOUT : errno;
        } else if (n > sizeof t->in) {
            return EMSGSIZE;
        }
        for (h = (const void *) t->in; NLMSG_OK(h, left);
             h = NLMSG_NEXT(h, left)) {
            done |= cb(h, aux);
        }
    }
    return 0;
}

static int
answer_of(const struct nlmsghdr *h)
{
    const struct nlmsgerr *e = NLMSG_DATA(h);

    return h->nlmsg_len < NLMSG_LENGTH(sizeof *e) ? EPROTO : -e->error;
}

struct batch {
    uint32_t first;
    size_t n, missing;
    int *answers;
    bool have[PLUG_MAX];
};

static bool
take_answer(const struct nlmsghdr *h, void *batch_)
{
    struct batch *b = batch_;
    uint32_t i = h->nlmsg_seq - b->first;

    if (h->nlmsg_type == NLMSG_ERROR && i < b->n && !b->have[i]) {
        b->have[i] = true;
        b->answers[i] = answer_of(h);
        b->missing--;
    }
    return !b->missing;
}

int
netbuf_talk_batch(struct netbuf_talk *t,
                  struct netbuf_request *const requests[], int answers[],
                  size_t n)
{
    struct batch b = { .first = t->seq + 1, .n = n, .missing = n,
                       .answers = answers };
    struct iovec iov[PLUG_MAX];
    size_t i;
    int error;

    ovs_assert(n <= PLUG_MAX);
    if (!n) {
        return 0;
    }
    for (i = 0; i < n; i++) {
        struct nlmsghdr *h = (void *) requests[i]->data;

        h->nlmsg_seq = ++t->seq;
        h->nlmsg_pid = 0;
        h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
        iov[i].iov_base = h;
        iov[i].iov_len = requests[i]->len;
        answers[i] = ETIMEDOUT;
    }
    error = send_all(t->fd, iov, n);
    if (!error) {
        error = receive(t, take_answer, &b);
    }
    for (i = 0; i < n && error; i++) {
        if (!b.have[i]) {
            answers[i] = error;
        }
    }
    return error;
}

/* Counters. */

struct count {
    uint32_t seq;
    struct remus_netbuf_stats *stats;
    bool catches_all;           /* The filter that sends into the plug. */
    bool plug;                  /* Its counters were there. */
    int error;
};

static void
parse(struct nlattr *attrs[], int max, const void *data, int len)
{
    memset(attrs, 0, (max + 1) * sizeof *attrs);
    nla_parse(attrs, max, CONST_CAST(void *, data), len, NULL);
}

static void
parse_nested(struct nlattr *attrs[], int max, const struct nlattr *nest)
{
    parse(attrs, max, nest ? nla_data(nest) : NULL, nest ? nla_len(nest) : 0);
}

/* TCA_STATS2 or TCA_ACT_STATS: they have the same members. */
static void
add_basic(const struct nlattr *stats, struct remus_netbuf_count *count)
{
    struct nlattr *a[TCA_STATS_MAX + 1];
    struct gnet_stats_basic basic;
    uint64_t packets;

    parse_nested(a, TCA_STATS_MAX, stats);
    if (!a[TCA_STATS_BASIC]
        || nla_len(a[TCA_STATS_BASIC]) < sizeof(uint64_t) + sizeof(uint32_t)) {
        return;
    }
    memset(&basic, 0, sizeof basic);
    memcpy(&basic, nla_data(a[TCA_STATS_BASIC]),
           MIN(sizeof basic, nla_len(a[TCA_STATS_BASIC])));
    packets = basic.packets;
    if (a[TCA_STATS_PKT64] && nla_len(a[TCA_STATS_PKT64]) == sizeof packets) {
        memcpy(&packets, nla_data(a[TCA_STATS_PKT64]), sizeof packets);
    }
    count->bytes += basic.bytes;
    count->frames += packets;
}

static void
add_plug(struct nlattr *tca[], struct count *c)
{
    struct nlattr *a[TCA_STATS_MAX + 1];
    struct gnet_stats_queue q;

    if (!tca[TCA_KIND] || strcmp(nla_get_string(tca[TCA_KIND]), "plug")) {
        return;
    }
    c->plug = true;
    add_basic(tca[TCA_STATS2], &c->stats->left);
    parse_nested(a, TCA_STATS_MAX, tca[TCA_STATS2]);
    if (a[TCA_STATS_QUEUE] && nla_len(a[TCA_STATS_QUEUE]) >= sizeof q) {
        memcpy(&q, nla_data(a[TCA_STATS_QUEUE]), sizeof q);
        c->stats->waiting.frames += q.qlen;
        c->stats->waiting.bytes += q.backlog;
        c->stats->dropped += q.drops;
    }
}

static void
add_filter(const struct tcmsg *tcm, struct nlattr *tca[], struct count *c)
{
    unsigned int pref = tcm->tcm_info >> 16;
    unsigned int class = (pref - NETBUF_PREF_FIRST) / 2;
    struct nlattr *u32[TCA_U32_MAX + 1], *first[2], *act[TCA_ACT_MAX + 1];

    parse_nested(u32, TCA_U32_MAX, tca[TCA_OPTIONS]);
    parse_nested(first, 1, u32[TCA_U32_ACT]);
    if (!first[1]) {
        return;                 /* The table that the filters are in. */
    }
    parse_nested(act, TCA_ACT_MAX, first[1]);
    if (pref == NETBUF_PREF_LAST) {
        c->catches_all = true;
    } else if (pref >= NETBUF_PREF_FIRST && class < c->stats->n_classes) {
        add_basic(act[TCA_ACT_STATS], &c->stats->bypassed[class]);
    }
}

static bool
take_count(const struct nlmsghdr *h, void *count_)
{
    struct count *c = count_;
    const struct tcmsg *tcm = NLMSG_DATA(h);
    struct nlattr *tca[TCA_MAX + 1];

    if (h->nlmsg_seq != c->seq) {
        return false;
    } else if (h->nlmsg_type == NLMSG_ERROR) {
        c->error = answer_of(h);
        return true;
    } else if (h->nlmsg_type == NLMSG_DONE) {
        return true;
    } else if (h->nlmsg_len < NLMSG_LENGTH(sizeof *tcm)) {
        return false;
    }
    parse(tca, TCA_MAX, TCA_RTA(tcm),
          h->nlmsg_len - NLMSG_LENGTH(sizeof *tcm));
    if (h->nlmsg_type == RTM_NEWQDISC) {
        add_plug(tca, c);
    } else if (h->nlmsg_type == RTM_NEWTFILTER) {
        add_filter(tcm, tca, c);
    }
    return false;
}

static int
ask(struct netbuf_talk *t, int type, int flags, int index, uint32_t parent,
    struct count *c)
{
    struct {
        struct nlmsghdr h;
        struct tcmsg tcm;
    } request = {
        .h = { .nlmsg_len = sizeof request, .nlmsg_type = type,
               .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = ++t->seq },
        .tcm = { .tcm_ifindex = index, .tcm_parent = parent },
    };
    struct iovec iov = { .iov_base = &request, .iov_len = sizeof request };
    int error = send_all(t->fd, &iov, 1);

    c->seq = t->seq;
    c->error = 0;
    if (!error) {
        error = receive(t, take_count, c);
    }
    return error ? error : c->error;
}

int
netbuf_talk_count(struct netbuf_talk *t, const struct netbuf_dev *dev,
                  struct remus_netbuf_stats *stats)
{
    struct count c = { .stats = stats };
    int error, error2;

    /* ECHO: the answer is sent to us and not only to those who monitor. */
    error = ask(t, RTM_GETQDISC, NLM_F_ACK | NLM_F_ECHO, dev->hold_index,
                TC_H_ROOT, &c);
    error2 = ask(t, RTM_GETTFILTER, NLM_F_DUMP, dev->vif_index,
                 NETBUF_FILTERS, &c);
    if (error || error2 || !c.plug || !c.catches_all) {
        stats->intact = false;
    }
    return error ? error : error2;
}
