/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel without sch_plug, for tests: loaded in front of a program
 * (LD_PRELOAD), this makes each plug that it asks for a FIFO, which holds
 * nothing, and calls it a plug in the kernel's answers.  All else of the output
 * buffer's layout (the pair, the filters, Open vSwitch's port) is then real
 * where the kernel has no plug.  What is to be held leaves at once: nothing
 * about holding can be tested so; tests/xenlab has that, with real plugs. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

static const char PLUG[8] = "plug", FIFO[8] = "pfifo";

/* In 'h', a qdisc of kind 'from' becomes one of kind 'to'.  Both names take
 * the same room. */
static void
rename_kind(struct nlmsghdr *h, const char from[8], const char to[8])
{
    struct tcmsg *tcm = NLMSG_DATA(h);
    struct rtattr *a = (void *) ((char *) tcm + NLMSG_ALIGN(sizeof *tcm));
    int left = (int) h->nlmsg_len - (int) NLMSG_LENGTH(sizeof *tcm);
    unsigned int limit = 1000;
    int renamed = 0;

    if (h->nlmsg_type != RTM_NEWQDISC) {
        return;
    }
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type == TCA_KIND && !strcmp(RTA_DATA(a), from)) {
            memset(RTA_DATA(a), 0, 8);
            strcpy(RTA_DATA(a), to);
            a->rta_len = RTA_LENGTH(strlen(to) + 1);
            renamed = 1;
        } else if (a->rta_type == TCA_OPTIONS && renamed && to == FIFO
                   && RTA_PAYLOAD(a) >= sizeof limit) {
            /* A plug's first word is what to do, a FIFO's its limit. */
            memcpy(RTA_DATA(a), &limit, sizeof limit);
        }
    }
}

static void
rename_all(void *data, size_t len, const char from[8], const char to[8])
{
    struct nlmsghdr *h = data;

    for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
        rename_kind(h, from, to);
    }
}

static int
is_route(int fd)
{
    int domain, protocol;
    socklen_t n = sizeof domain, m = sizeof protocol;

    return (!getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n)
            && domain == AF_NETLINK
            && !getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &m)
            && protocol == NETLINK_ROUTE);
}

ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
    ssize_t (*next)(int, const struct msghdr *, int)
        = dlsym(RTLD_NEXT, "sendmsg");
    size_t i;

    for (i = 0; i < msg->msg_iovlen && is_route(fd); i++) {
        rename_all(msg->msg_iov[i].iov_base, msg->msg_iov[i].iov_len, PLUG,
                   FIFO);
    }
    return next(fd, msg, flags);
}

ssize_t
recv(int fd, void *buf, size_t size, int flags)
{
    ssize_t (*next)(int, void *, size_t, int) = dlsym(RTLD_NEXT, "recv");
    ssize_t n = next(fd, buf, size, flags);

    if (n > 0 && n <= size && is_route(fd)) {
        rename_all(buf, n, FIFO, PLUG);
    }
    return n;
}
