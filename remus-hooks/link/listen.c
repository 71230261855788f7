/* SPDX-License-Identifier: Apache-2.0 */
/* The listener: one process for each session that comes.
 *
 * Sessions are processes so that none can harm another, and so that they
 * outlive the listener: restarting it breaks no replication. */

#include <config.h>

#include "link.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent-session.h"
#include "daemon.h"
#include "fatal-signal.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/hmap.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "pki-watch.h"
#include "process.h"
#include "hash.h"
#include "remus-dts/exit.h"
#include "stream.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(listen);

#define MAX_SESSIONS 1024
#define RETRY_MS 1000

/* A connection that is older has said who it is. */
#define YOUNG_MS(OPTIONS) ((OPTIONS)->timeout + 1000)

struct worker {
    struct hmap_node node;      /* By pid. */
    pid_t pid;
    int pidfd;
    char *name;                 /* The peer's address and port. */
    char *peer;                 /* Its address. */
    long long int since;
    bool quiet;                 /* One of many: it is not told of. */
};

struct listener {
    const struct link_options *options;
    struct agent_session *agent;        /* NULL with --bind. */
    struct pstream *pstream;
    char *name;                 /* What 'pstream' is. */
    long long int retry;
    char *complained;           /* About this already. */
    struct hmap workers;
    bool exiting;
};

/* "pssl:PORT:ADDRESS" for 'address', which may have a port. */
static char *
passive_name(const struct link_options *o, const char *address)
{
    const char *scheme = o->insecure ? "ptcp" : "pssl";
    const char *colon = strrchr(address, ':');
    bool ip6 = strchr(address, ':') != colon;

    if (address[0] == '[') {
        const char *end = strchr(address, ']');

        if (end && end[1] == ':') {
            return xasprintf("%s:%s:%.*s", scheme, end + 2,
                             (int) (end + 1 - address), address);
        }
        return xasprintf("%s:%d:%s", scheme, LINK_PORT, address);
    } else if (ip6) {
        return xasprintf("%s:%d:[%s]", scheme, LINK_PORT, address);
    } else if (colon) {
        return xasprintf("%s:%s:%.*s", scheme, colon + 1,
                         (int) (colon - address), address);
    }
    return xasprintf("%s:%d:%s", scheme, LINK_PORT, address);
}

/* Says it once, until something else is to be said. */
static void
complain(struct listener *l, char *text)
{
    if (!l->complained || strcmp(l->complained, text)) {
        VLOG_WARN("%s", text);
        free(l->complained);
        l->complained = text;
    } else {
        free(text);
    }
}

static void
open_socket(struct listener *l)
{
    const char *address = l->options->bind;
    char *name;
    int error;

    if (l->agent) {
        agent_session_run(l->agent);
        address = agent_session_fact(l->agent, "ip");
        if (!address[0]) {
            const char *why = agent_session_error(l->agent, NULL);

            if (!l->pstream && (why || agent_session_connected(l->agent))) {
                complain(l, xasprintf("not listening yet: %s", why ? why
                                      : "this node has no replication "
                                      "address"));
            }
            if (agent_session_connected(l->agent)
                && time_msec() >= l->retry) {
                l->retry = time_msec() + RETRY_MS;
                agent_session_reconnect(l->agent);
            }
            return;
        }
    }
    name = passive_name(l->options, address);
    if (l->pstream && !strcmp(name, l->name)) {
        free(name);
        return;
    }
    if (time_msec() < l->retry) {
        free(name);
        return;
    }
    pstream_close(l->pstream);
    l->pstream = NULL;
    free(l->name);
    l->name = name;
    error = pstream_open(name, &l->pstream, l->options->dscp);
    if (error) {
        l->pstream = NULL;
        l->retry = time_msec() + RETRY_MS;
        complain(l, xasprintf("cannot listen on %s (%s)", name,
                              ovs_strerror(error)));
    } else {
        VLOG_INFO("listening on %s", name);
        free(l->complained);
        l->complained = NULL;
    }
}

/* Of those that have not said yet who they are an address may have no more than
 * there are places left: so nobody takes them all, and who comes to do so leaves
 * one to the next. */
static bool
has_room(const struct listener *l, const char *peer)
{
    size_t n = hmap_count(&l->workers), young = 0;
    const struct worker *w;

    HMAP_FOR_EACH (w, node, &l->workers) {
        young += (time_msec() - w->since < YOUNG_MS(l->options)
                  && !strcmp(w->peer, peer));
    }
    return n < MAX_SESSIONS && young < MAX_SESSIONS - n;
}

/* In a process that was forked for one of many connections. */
static void
be_quiet(void)
{
    static const char *modules[] = { "accept", "stream_ssl" };

    for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
        struct vlog_module *m = vlog_module_from_name(modules[i]);

        if (m) {
            vlog_set_levels(m, VLF_ANY_DESTINATION, VLL_ERR);
        }
    }
}

static void
fork_worker(struct listener *l, struct stream *stream)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(60, 600);
    static struct vlog_rate_limit full_rl = VLOG_RATE_LIMIT_INIT(5, 5);
    const char *name = stream_get_name(stream);
    const char *port = strrchr(name, ':');
    char *peer = xmemdup0(name, port ? port - name : strlen(name));
    struct worker *w;
    bool quiet;
    pid_t pid;

    if (!has_room(l, peer)) {
        VLOG_WARN_RL(&full_rl, "%s: too many sessions, or connections of "
                     "that address", name);
        stream_close(stream);
        free(peer);
        return;
    }
    quiet = vlog_should_drop(&this_module, VLL_INFO, &rl);
    pid = fork();
    if (!pid) {
        /* Nothing of the parent's may be touched, nor its port be held. */
        fatal_signal_fork();
        pstream_close(l->pstream);
        if (l->agent) {
            agent_session_destroy(l->agent);
        }
        signal(SIGCHLD, SIG_DFL);
        if (quiet) {
            be_quiet();
        }
        exit(link_accept(l->options, stream));
    }
    if (pid < 0) {
        VLOG_ERR_RL(&full_rl, "fork failed (%s)", ovs_strerror(errno));
        free(peer);
    } else {
        w = xzalloc(sizeof *w);
        w->pid = pid;
        w->pidfd = syscall(SYS_pidfd_open, pid, 0);
        w->name = xstrdup(name);
        w->peer = peer;
        w->since = time_msec();
        w->quiet = quiet;
        hmap_insert(&l->workers, &w->node, hash_int(pid, 0));
        VLOG(quiet ? VLL_DBG : VLL_INFO, "%s: connected, process %ld",
             w->name, (long int) pid);
    }
    stream_close(stream);
}

static void
reap(struct listener *l)
{
    struct worker *w;

    HMAP_FOR_EACH_SAFE (w, node, &l->workers) {
        int status;

        if (waitpid(w->pid, &status, WNOHANG) == w->pid) {
            char *s = process_status_msg(status);

            VLOG(w->quiet ? VLL_DBG : VLL_INFO, "%s: process %ld ended: %s",
                 w->name, (long int) w->pid, s);
            free(s);
            hmap_remove(&l->workers, &w->node);
            if (w->pidfd >= 0) {
                close(w->pidfd);
            }
            free(w->name);
            free(w->peer);
            free(w);
        } else if (w->pidfd >= 0) {
            poll_fd_wait(w->pidfd, POLLIN);
        } else {
            poll_timer_wait(1000);
        }
    }
}

static void
unixctl_exit(struct unixctl_conn *conn, int argc OVS_UNUSED,
             const char *argv[] OVS_UNUSED, void *l_)
{
    struct listener *l = l_;

    l->exiting = true;
    unixctl_command_reply(conn, NULL);
}

static void
unixctl_list(struct unixctl_conn *conn, int argc OVS_UNUSED,
             const char *argv[] OVS_UNUSED, void *l_)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    const struct listener *l = l_;
    const struct worker *w;

    ds_put_format(&ds, "%s %s\n", l->pstream ? "listening on"
                  : "not listening", l->name ? l->name : "");
    HMAP_FOR_EACH (w, node, &l->workers) {
        ds_put_format(&ds, "process %ld: %s, %lld s\n", (long int) w->pid,
                      w->name, (time_msec() - w->since) / 1000);
    }
    unixctl_command_reply(conn, ds_cstr(&ds));
    ds_destroy(&ds);
}

int
link_listen(const struct link_options *options,
            struct unixctl_server *unixctl)
{
    struct listener l = { .options = options };

    hmap_init(&l.workers);
    unixctl_command_register("exit", "", 0, 0, unixctl_exit, &l);
    unixctl_command_register("dts/sessions", "", 0, 0, unixctl_list, &l);
    if (!options->bind) {
        l.agent = agent_session_create(options->agent_socket);
        agent_session_set_hello(l.agent, agent_hello_params("link-recv", "",
                                                            "", ""));
    }
    open_socket(&l);
    daemonize_complete();

    while (!l.exiting) {
        struct stream *stream;

        if (!options->insecure) {
            pki_watch_run();
            pki_watch_wait();
        }
        open_socket(&l);
        if (l.pstream && !pstream_accept(l.pstream, &stream)) {
            fork_worker(&l, stream);
            poll_immediate_wake();
        }
        unixctl_server_run(unixctl);

        reap(&l);
        unixctl_server_wait(unixctl);
        if (l.agent) {
            agent_wait(l.agent);
        }
        if (l.pstream) {
            pstream_wait(l.pstream);
        }
        if (l.retry > time_msec()) {
            poll_timer_wait_until(l.retry);
        } else if (l.agent && !l.pstream
                   && agent_session_connected(l.agent)) {
            poll_timer_wait(RETRY_MS);
        }
        poll_block();
    }
    pstream_close(l.pstream);
    return DTS_EXIT_OK;
}
