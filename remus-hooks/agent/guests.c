/* SPDX-License-Identifier: Apache-2.0 */

/* The guests on this node.
 *
 * Two sources are joined by domid: xenstore (xs.c) tells which domains there
 * are, their names and what the toolstack asked of them; the child process
 * dts-domwatch tells what the hypervisor says of them (running, paused, shut
 * down and why).  The agent itself links only libxenstore, whose interface is
 * stable: dts-domwatch links libxl and is replaced with Xen.
 *
 * Without dts-domwatch a domain that is there counts as running. */

#include <config.h>
#include "guests.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "rundir.h"
#include "timeval.h"
#include "util.h"
#include "xs.h"

VLOG_DEFINE_THIS_MODULE(guests);

#define RESTART_MS 2000         /* Before dts-domwatch is started again. */
#define MAX_LINE 65536          /* Of what it says. */

/* xenstored tells of a domain when it is introduced, which for a copy is when it
 * has been restored: of one that never gets so far dts-domwatch alone tells.
 * Its name may be written a moment later. */
#define LOOK_TIMES 3
#define LOOK_MS 1000

extern char **environ;

static struct hmap guests = HMAP_INITIALIZER(&guests);
static struct hmap by_name = HMAP_INITIALIZER(&by_name);
static struct shash gone = SHASH_INITIALIZER(&gone);
static bool known;

static char *watch_program;
static pid_t watch_pid;
static int watch_fd = -1;
static struct ds watch_input = DS_EMPTY_INITIALIZER;
static long long int watch_restart;
static int looks_left;          /* At xenstore... */
static long long int look_at;   /* ...the next one, ms. */

enum mark_op { MARK_TEST, MARK_SET, MARK_CLEAR };

static bool copy_mark(int domid, const char *name, enum mark_op);
static void apply_snapshot(const struct xs_snapshot *);
static void watch_start(void);
static void watch_run(void);

/* 'domwatch' is dts-domwatch's path, "" for none. */
void
guests_init(const char *domwatch)
{
    watch_program = xstrdup(domwatch);
    xs_thread_start();
}

void
guests_run(void)
{
    struct xs_snapshot *s;

    while ((s = xs_thread_next())) {
        apply_snapshot(s);
        xs_snapshot_destroy(s);
    }
    watch_run();
    if (looks_left && time_msec() >= look_at) {
        xs_thread_look();
        looks_left--;
        look_at += LOOK_MS;
    }
}

void
guests_wait(void)
{
    xs_thread_wait();
    if (looks_left) {
        poll_timer_wait_until(look_at);
    }
    if (watch_fd >= 0) {
        poll_fd_wait(watch_fd, POLLIN);
    } else if (watch_program[0]) {
        poll_timer_wait_until(watch_restart);
    }
}

void
guests_destroy(void)
{
    if (watch_fd >= 0) {
        close(watch_fd);        /* Which ends it. */
        watch_fd = -1;
    }
}

bool
guests_known(void)
{
    return known;
}

const struct guest *
guests_find(const char *name, enum guest_kind kind)
{
    const struct guest *g;

    HMAP_FOR_EACH_WITH_HASH (g, name_node, hash_string(name, 0), &by_name) {
        if (g->kind == kind && !strcmp(g->name, name)) {
            return g;
        }
    }
    return NULL;
}

static struct guest *
find_domid(int domid)
{
    struct guest *g;

    HMAP_FOR_EACH_WITH_HASH (g, hmap_node, hash_int(domid, 0), &guests) {
        if (g->domid == domid) {
            return g;
        }
    }
    return NULL;
}

const struct guest *
guests_find_domid(int domid)
{
    return find_domid(domid);
}

const struct gone_guest *
guests_find_gone(const char *name)
{
    return shash_find_data(&gone, name);
}

void
guests_query(int domid)
{
    if (watch_fd >= 0) {
        char *s = xasprintf("query %d\n", domid);
        ssize_t n = send(watch_fd, s, strlen(s), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) {
            VLOG_DBG("dts-domwatch: %s", ovs_strerror(errno));
        }
        free(s);
    }
}

static const char *
state_to_string(enum guest_state state)
{
    switch (state) {
    case GUEST_UNKNOWN: return "present";
    case GUEST_ABSENT: return "absent";
    case GUEST_RUNNING: return "running";
    case GUEST_PAUSED: return "paused";
    case GUEST_SUSPENDED: return "suspended";
    case GUEST_SHUTDOWN: return "shut down";
    case GUEST_REBOOT: return "rebooting";
    case GUEST_CRASHED: return "crashed";
    }
    return "?";
}

void
guests_format(struct ds *ds)
{
    const struct guest *g;

    if (!known) {
        ds_put_format(ds, "xenstore: %s\n",
                      xs_thread_error() ? xs_thread_error() : "connecting");
    }
    ds_put_format(ds, "dts-domwatch: %s\n",
                  !watch_program[0] ? "not used"
                  : watch_fd >= 0 ? "runs" : "down");
    HMAP_FOR_EACH (g, hmap_node, &guests) {
        ds_put_format(ds, "domid %d: %s%s %s%s%s%s\n", g->domid, g->name,
                      g->kind == GUEST_INCOMING ? "--incoming"
                      : g->kind == GUEST_MIGRATEDAWAY ? "--migratedaway" : "",
                      state_to_string(g->state),
                      g->renamed ? ", was a copy" : "",
                      g->poweroff_asked ? ", asked to shut down" : "",
                      g->reboot_asked ? ", asked to reboot" : "");
    }
}

/* Splits xenstore's 'full' into a name (to be freed) and a kind. */
static char *
split_name(const char *full, enum guest_kind *kind)
{
    static const struct {
        const char *suffix;
        enum guest_kind kind;
    } suffixes[] = {
        { "--incoming", GUEST_INCOMING },
        { "--migratedaway", GUEST_MIGRATEDAWAY },
    };
    size_t len = strlen(full);

    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        size_t n = strlen(suffixes[i].suffix);
        if (len > n && !strcmp(full + len - n, suffixes[i].suffix)) {
            *kind = suffixes[i].kind;
            return xmemdup0(full, len - n);
        }
    }
    *kind = GUEST_OWN;
    return xstrdup(full);
}

static void
remember_gone(const struct guest *g)
{
    struct gone_guest *gg = shash_find_data(&gone, g->name);

    if (!gg) {
        if (shash_count(&gone) > 1000) {
            shash_clear_free_data(&gone);
        }
        gg = xzalloc(sizeof *gg);
        shash_add(&gone, g->name, gg);
    }
    *gg = (struct gone_guest) {
        .when = time_msec(),
        .last_state = g->state,
        .poweroff_asked = g->poweroff_asked,
        .reboot_asked = g->reboot_asked,
        .kind = g->kind,
    };
}

/* That 'domid' was a copy of 'name' is kept in a file, so that an agent that is
 * started between xl's rename and what follows from it knows it too.  (A domid
 * is used again much later, and then hardly for the same name.)  Returns true
 * if it was. */
static bool
copy_mark(int domid, const char *name, enum mark_op op)
{
    char *path = xasprintf("%s/copy-%d", dts_rundir(), domid);
    bool marked = false;
    FILE *file = op == MARK_CLEAR ? NULL : fopen(path, "re");

    if (file) {
        char line[256] = "";

        if (fgets(line, sizeof line, file)) {
            line[strcspn(line, "\n")] = '\0';
        }
        marked = !strcmp(line, name);
        fclose(file);
    }
    if (op == MARK_SET && !marked) {
        file = fopen(path, "we");
        if (file) {
            fprintf(file, "%s\n", name);
            fclose(file);
        } else {
            VLOG_WARN("%s: %s", path, ovs_strerror(errno));
        }
    } else if (op == MARK_CLEAR) {
        unlink(path);
    }
    free(path);
    return marked;
}

void
guests_settle(int domid)
{
    struct guest *g = find_domid(domid);

    if (g && g->renamed) {
        g->renamed = false;
        copy_mark(domid, g->name, MARK_CLEAR);
    }
}

static void
apply_domain(const struct xs_domain *x, long long int mono_us)
{
    struct guest *g = find_domid(x->domid);
    enum guest_kind kind;
    char *name;

    if (!x->name[0]) {
        return;                 /* Being built. */
    }
    name = split_name(x->name, &kind);
    bool was_copy = g && g->kind == GUEST_INCOMING;
    if (!g) {
        g = xzalloc(sizeof *g);
        g->domid = x->domid;
        g->state = watch_program[0] ? GUEST_UNKNOWN : GUEST_RUNNING;
        g->mac = xstrdup("");
        hmap_insert(&guests, &g->hmap_node, hash_int(x->domid, 0));
        guests_query(x->domid);
        was_copy = copy_mark(x->domid, name, MARK_TEST);
    }
    if (kind == GUEST_INCOMING && !was_copy) {
        copy_mark(x->domid, name, MARK_SET);
    } else if (was_copy && kind == GUEST_OWN) {
        VLOG_INFO("domid %d was a copy of %s", x->domid, name);
        g->renamed = true;
        g->renamed_us = mono_us;
        guests_query(x->domid);
    }
    if (!g->name || strcmp(g->name, name) || g->kind != kind) {
        VLOG_INFO("domid %d is %s", x->domid, x->name);
        if (g->name) {
            hmap_remove(&by_name, &g->name_node);
            free(g->name);
        }
        g->name = name;
        hmap_insert(&by_name, &g->name_node, hash_string(name, 0));
        g->kind = kind;
    } else {
        free(name);
    }
    if (strcmp(g->mac, x->mac)) {
        free(g->mac);
        g->mac = xstrdup(x->mac);
    }
    /* The guest clears the request when it obeys: it stays asked. */
    if (!strcmp(x->shutdown, "poweroff") || !strcmp(x->shutdown, "halt")) {
        g->poweroff_asked = true;
    } else if (!strcmp(x->shutdown, "reboot")) {
        g->reboot_asked = true;
    }
}

static void
apply_snapshot(const struct xs_snapshot *s)
{
    struct guest *g;

    known = s->connected;
    if (!known) {
        VLOG_WARN("xenstore went away: what the guests do is unknown");
        return;
    }
    for (size_t i = 0; i < s->n; i++) {
        apply_domain(&s->domains[i], s->mono_us);
    }
    HMAP_FOR_EACH_SAFE (g, hmap_node, &guests) {
        bool there = false;
        for (size_t i = 0; i < s->n && !there; i++) {
            there = s->domains[i].domid == g->domid;
        }
        if (!there) {
            VLOG_INFO("domid %d (%s) is gone", g->domid, g->name);
            remember_gone(g);
            copy_mark(g->domid, g->name, MARK_CLEAR);
            hmap_remove(&guests, &g->hmap_node);
            hmap_remove(&by_name, &g->name_node);
            free(g->name);
            free(g->mac);
            free(g);
        }
    }
}

static enum guest_state
parse_state(const char *state, const char *reason)
{
    if (!strcmp(state, "running")) {
        return GUEST_RUNNING;
    } else if (!strcmp(state, "paused")) {
        return GUEST_PAUSED;
    } else if (!strcmp(state, "shutdown") || !strcmp(state, "dying")) {
        return (!strcmp(reason, "suspend") ? GUEST_SUSPENDED
                : !strcmp(reason, "poweroff") ? GUEST_SHUTDOWN
                : !strcmp(reason, "reboot") ? GUEST_REBOOT
                : !strcmp(reason, "crash") || !strcmp(reason, "watchdog")
                ? GUEST_CRASHED : GUEST_UNKNOWN);
    }
    return GUEST_UNKNOWN;
}

/* One line of dts-domwatch's. */
static void
apply_line(const char *line)
{
    struct json *json = json_from_string(line);
    const char *state = NULL, *reason = NULL;
    const struct json *domid = NULL;

    if (json->type == JSON_OBJECT) {
        const struct shash *o = json_object(json);
        const struct json *s = shash_find_data(o, "state");
        const struct json *r = shash_find_data(o, "reason");

        domid = shash_find_data(o, "domid");
        state = s && s->type == JSON_STRING ? json_string(s) : NULL;
        reason = r && r->type == JSON_STRING ? json_string(r) : "";
    }
    if (domid && domid->type == JSON_INTEGER && state) {
        struct guest *g = find_domid(json_integer(domid));
        enum guest_state new = parse_state(state, reason);
        bool there = strcmp(state, "gone");

        if (json_integer(domid) > 0 && there == !g) {
            looks_left = LOOK_TIMES;
            look_at = time_msec();
        }
        /* A domain that is dying keeps what it died of. */
        if (g && g->state != new && new != GUEST_UNKNOWN) {
            VLOG_DBG("domid %d (%s): %s", g->domid, g->name,
                     state_to_string(new));
            g->state = new;
        }
    } else {
        VLOG_WARN("dts-domwatch: not understood: %s", line);
    }
    json_destroy(json);
}

/* All that is whole of what it has said. */
static void
apply_lines(void)
{
    char *start = ds_cstr(&watch_input);
    char *end = start + watch_input.length, *newline;

    while ((newline = memchr(start, '\n', end - start))) {
        *newline = '\0';
        if (*start) {
            apply_line(start);
        }
        start = newline + 1;
    }
    memmove(watch_input.string, start, end - start);
    ds_truncate(&watch_input, end - start);
    if (watch_input.length > MAX_LINE) {
        VLOG_WARN("dts-domwatch: a line of more than %d bytes", MAX_LINE);
        ds_clear(&watch_input);
    }
}

static void
watch_start(void)
{
    char *argv[] = { watch_program, NULL };
    posix_spawn_file_actions_t actions;
    int fds[2];

    watch_restart = time_msec() + RESTART_MS;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)) {
        return;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], 0);
    posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
    int error = posix_spawn(&watch_pid, watch_program, &actions, NULL, argv,
                            environ);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    if (error) {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 1);
        VLOG_WARN_RL(&rl, "%s: %s: shutdowns and crashes of guests will not "
                     "be told apart", watch_program, ovs_strerror(error));
        close(fds[0]);
        watch_pid = 0;
        return;
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    watch_fd = fds[0];
    ds_clear(&watch_input);

    const struct guest *g;
    HMAP_FOR_EACH (g, hmap_node, &guests) {
        guests_query(g->domid);
    }
}

static void
watch_run(void)
{
    if (!watch_program[0]) {
        return;
    }
    if (watch_fd < 0) {
        if (time_msec() < watch_restart) {
            return;
        }
        watch_start();
    }
    while (watch_fd >= 0) {
        char buf[4096];
        ssize_t n = read(watch_fd, buf, sizeof buf);
        if (n > 0) {
            ds_put_buffer(&watch_input, buf, n);
            continue;
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && errno == EAGAIN) {
            break;
        }
        close(watch_fd);
        watch_fd = -1;
    }
    if (watch_fd < 0 && watch_pid > 0) {
        int status;
        kill(watch_pid, SIGKILL);
        waitpid(watch_pid, &status, 0);
        watch_pid = 0;
        watch_restart = time_msec() + RESTART_MS;
    }

    apply_lines();
}
