/* SPDX-License-Identifier: Apache-2.0 */
/* How the engine is spoken to: by operators, on a unixctl socket of the
 * domain's (ovs-appctl -t SOCKET remus/status works, too), and by the guest
 * itself, which asks for a checkpoint by writing into its own xenstore
 * directory: a program in it then knows when what it did is safe (the Remus
 * paper calls that application prompting). */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xenstore.h>

#include "engine.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "rundir.h"
#include "socket-util.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"

/* A guest may make its own checkpoints more frequent, not endless. */
#define MAX_WISHES 100          /* That are taken in a round. */
#define WISH_MS 200
/* For the lock, which somebody may have for a moment: `xl-remus check` has it
 * for as long as it measures, two seconds and a little. */
#define LOCK_MS 4000
#define LOCK_STEP_MS 50

struct engine_waiter {
    struct ovs_list node;
    struct unixctl_conn *conn;  /* NULL: the guest. */
    char *value;                /* The guest's: what it wrote. */
    uint64_t n;                 /* The checkpoint; 0: the end. */
};

static struct engine *current;  /* unixctl's commands are for good. */

static void
wait_for(struct engine *e, struct unixctl_conn *conn, char *value, uint64_t n)
{
    struct engine_waiter *w = xzalloc(sizeof *w);

    w->conn = conn;
    w->value = value;
    w->n = n;
    ovs_list_push_back(&e->waiting, &w->node);
}

static void
answer(struct engine *e, struct engine_waiter *w, const char *error)
{
    if (w->conn && error) {
        unixctl_command_reply_error(w->conn, error);
    } else if (w->conn) {
        char *text = w->n ? xasprintf("%"PRIu64"\n", w->n) : xstrdup("");

        unixctl_command_reply(w->conn, text);
        free(text);
    } else if (!error && e->xs) {
        xs_write(e->xs, XBT_NULL, e->answer_path, w->value, strlen(w->value));
    }
    ovs_list_remove(&w->node);
    free(w->value);
    free(w);
}

void
engine_control_committed(struct engine *e, uint64_t n)
{
    struct engine_waiter *w;

    LIST_FOR_EACH_SAFE (w, node, &e->waiting) {
        if (w->n && (!n || w->n <= n)) {
            answer(e, w, n ? NULL : "replication has ended before the "
                   "checkpoint was committed");
        }
    }
}

/* ------------------------------------------------------------------- status */

static struct json *
number(int64_t x)
{
    return json_integer_create(x);
}

/* Of the session that there is; between two there are no numbers. */
static struct json *
session_number(const struct engine *e, uint64_t x)
{
    return number(e->phase == ENGINE_WAITING ? 0 : x);
}

static struct json *
buffer_json(const struct engine *e)
{
    struct remus_netbuf_stats stats;
    struct json *o = json_object_create(), *classes;

    remus_netbuf_stats(e->netbuf, &stats);
    json_object_put(o, "vifs", number(stats.n_vifs));
    json_object_put(o, "intact", json_boolean_create(stats.intact));
    json_object_put(o, "held", json_boolean_create(stats.held));
    json_object_put(o, "frames", number(stats.waiting.frames));
    json_object_put(o, "bytes", number(stats.waiting.bytes));
    json_object_put(o, "dropped", number(stats.dropped));
    classes = json_array_create_empty();
    for (size_t i = 0; i < e->n_classes && i < stats.n_classes; i++) {
        struct json *c = json_object_create();

        json_object_put(c, "class", json_string_create_nocopy(
                            remus_class_to_string(&e->classes[i])));
        json_object_put(c, "frames", number(stats.bypassed[i].frames));
        json_object_put(c, "bytes", number(stats.bypassed[i].bytes));
        json_array_add(classes, c);
    }
    json_object_put(o, "bypass", classes);
    return o;
}

static struct json *
status_json(const struct engine *e)
{
    const struct engine_session *s = &e->s;
    struct json *o = json_object_create();

    json_object_put_string(o, "domain", e->name);
    json_object_put(o, "domid", number(e->domid));
    json_object_put(o, "pid", number(getpid()));
    json_object_put_string(o, "state", engine_phase_name(e->phase));
    json_object_put_string(o, "session", s->uuid);
    json_object_put_string(o, "peer", s->peer);
    json_object_put(o, "generation", number(s->generation));
    json_object_put(o, "suspect", json_boolean_create(e->suspect));
    json_object_put_string(o, "output", engine_output_name(e));
    json_object_put(o, "interval_ms", number(e->interval_ms));
    json_object_put(o, "max_interval_ms", number(e->slow.bound_ms));
    json_object_put(o, "slow", json_boolean_create(e->slow.slow));
    json_object_put(o, "begun", session_number(e, s->epoch.begun));
    json_object_put(o, "acknowledged",
                    session_number(e, s->epoch.acked));
    json_object_put(o, "committed",
                    session_number(e, s->epoch.released));
    json_object_put(o, "copied_bytes",
                    number(e->phase == ENGINE_COPYING
                           ? engine_link_bytes(s) : 0));
    json_object_put(o, "memory_bytes",
                    number(e->config.b_info.max_memkb * INT64_C(1024)));
    json_object_put(o, "last_interval_us", number(e->last.interval_us));
    json_object_put(o, "last_pause_us", number(e->last.pause_us));
    json_object_put(o, "last_suspend_us", number(e->last.suspend_us));
    json_object_put(o, "last_send_us", number(e->last.send_us));
    json_object_put(o, "last_ack_us", number(e->last.ack_us));
    json_object_put(o, "last_bytes", number(e->last.bytes));
    json_object_put(o, "last_wire_bytes", number(e->last.wire_bytes));
    json_object_put(o, "last_pages", number(e->last.pages));
    json_object_put(o, "last_held_frames", number(e->last.held_frames));
    json_object_put_string(o, "reason", s->why ? s->why
                           : e->why ? e->why : "");
    json_object_put(o, "buffer", e->netbuf ? buffer_json(e)
                    : json_null_create());
    return o;
}

static void
status_text(const struct engine *e, struct ds *ds)
{
    const struct engine_session *s = &e->s;
    const struct remus_dts_checkpoint *c = &e->last;

    ds_put_format(ds, "%s (domain %u): %s%s", e->name, e->domid,
                  e->phase == ENGINE_PROTECTED || e->phase == ENGINE_TAKEN
                  ? "" : "NOT PROTECTED, ", engine_phase_name(e->phase));
    if (s->peer[0]) {
        ds_put_format(ds, ", peer %s%s", s->peer,
                      e->suspect ? " (suspected)" : "");
    }
    ds_put_char(ds, '\n');
    if (e->phase == ENGINE_COPYING) {
        ds_put_format(ds, "  first copy: %"PRIu64" of about %"PRIu64" MiB\n",
                      engine_link_bytes(s) >> 20,
                      e->config.b_info.max_memkb / 1024);
    } else if (e->phase == ENGINE_PROTECTED) {
        ds_put_format(ds, "  checkpoint %"PRIu64" committed; ",
                      s->epoch.released);
        if (c->interval_us) {
            ds_put_format(ds, "interval %.1f ms (asked %d), ",
                          c->interval_us / 1e3, e->interval_ms);
        }
        ds_put_format(ds, "suspend %.1f ms, pause %.1f ms, send %.1f ms, "
                      "ack %.1f ms\n", c->suspend_us / 1e3,
                      c->pause_us / 1e3, c->send_us / 1e3, c->ack_us / 1e3);
        ds_put_format(ds, "  %"PRIu64" dirty pages, %"PRIu64" KiB a "
                      "checkpoint, %"PRIu64" KiB on the wire\n", c->pages,
                      c->bytes >> 10, c->wire_bytes >> 10);
        if (e->slow.slow) {
            char *text = slow_text(c, e->interval_ms);

            ds_put_format(ds, "  SLOW: %s\n", text);
            free(text);
        }
    }
    ds_put_format(ds, "  output: %s\n", engine_output_name(e));
    if (e->netbuf) {
        struct remus_netbuf_stats stats;

        remus_netbuf_stats(e->netbuf, &stats);
        ds_put_format(ds, "  buffer: %"PRIu64" frames, %"PRIu64" bytes held; "
                      "%"PRIu64" dropped%s\n", stats.waiting.frames,
                      stats.waiting.bytes, stats.dropped,
                      stats.intact ? "" : "; NOT INTACT");
        for (size_t i = 0; i < e->n_classes && i < stats.n_classes; i++) {
            char *name = remus_class_to_string(&e->classes[i]);

            ds_put_format(ds, "  bypasses: %s: %"PRIu64" frames\n", name,
                          stats.bypassed[i].frames);
            free(name);
        }
    }
    if (e->phase != ENGINE_PROTECTED && (s->why || e->why)) {
        ds_put_format(ds, "  %s\n", s->why ? s->why : e->why);
    }
}

/* ----------------------------------------------------------------- commands */

static void
cmd_status(struct unixctl_conn *conn, int argc, const char *argv[],
           void *aux OVS_UNUSED)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    if (!current) {
        unixctl_command_reply_error(conn, "ended");
        return;
    }
    if (argc > 1 && !strcmp(argv[1], "--json")) {
        struct json *json = status_json(current);

        json_to_ds(json, JSSF_SORT | JSSF_PRETTY, &ds);
        json_destroy(json);
        ds_put_char(&ds, '\n');
    } else {
        status_text(current, &ds);
    }
    unixctl_command_reply(conn, ds_cstr(&ds));
    ds_destroy(&ds);
}

static void
cmd_checkpoint(struct unixctl_conn *conn, int argc OVS_UNUSED,
               const char *argv[] OVS_UNUSED, void *aux OVS_UNUSED)
{
    if (!current || current->phase != ENGINE_PROTECTED) {
        unixctl_command_reply_error(conn, "not protected now: there is no "
                                    "checkpoint that could be taken");
    } else {
        wait_for(current, conn, NULL, epoch_want(&current->s.epoch));
    }
}

static void
cmd_unprotect(struct unixctl_conn *conn, int argc OVS_UNUSED,
              const char *argv[] OVS_UNUSED, void *aux OVS_UNUSED)
{
    if (!current || current->phase == ENGINE_TAKEN) {
        unixctl_command_reply_error(conn, "the peer has taken it over, or "
                                    "may: dts-ctl status");
    } else {
        current->unprotect = true;
        wait_for(current, conn, NULL, 0);
    }
}

/* ------------------------------------------------------------- the guest's */

static void
wishes_open(struct engine *e)
{
    e->xs = xs_open(0);
    if (!e->xs) {
        return;
    }
    e->wish_path = xasprintf("/local/domain/%u/data/remus-dts/checkpoint",
                             e->domid);
    e->answer_path = xasprintf("/local/domain/%u/data/remus-dts/committed",
                               e->domid);
    if (!xs_watch(e->xs, e->wish_path, "checkpoint")) {
        xs_close(e->xs);
        e->xs = NULL;
    }
}

static void
wishes_run(struct engine *e)
{
    unsigned int len;
    char **w, *value;

    /* (The guest may write faster than they are taken.) */
    for (int i = 0; i < MAX_WISHES && e->xs && (w = xs_check_watch(e->xs));
         i++) {
        free(w);
        e->wish = true;
    }
    if (!e->wish || e->phase != ENGINE_PROTECTED
        || time_msec() < e->wish_after) {
        return;
    }
    e->wish = false;
    value = xs_read(e->xs, XBT_NULL, e->wish_path, &len);
    if (value && value[0] && len <= 256) {
        e->wish_after = time_msec() + WISH_MS;
        wait_for(e, NULL, value, epoch_want(&e->s.epoch));
    } else {
        free(value);
    }
}

/* -------------------------------------------------------------------- socket */

static int
lock(struct engine *e, char **error)
{
    char *path = NULL, *holder;
    int status = 0;

    for (int ms = 0; ; ms += LOCK_STEP_MS) {
        free(path);
        e->lock = dts_engine_lock(e->name, &path);
        if (e->lock != -EWOULDBLOCK || ms >= LOCK_MS) {
            break;
        }
        poll(NULL, 0, LOCK_STEP_MS);
    }
    if (e->lock == -EWOULDBLOCK) {
        holder = dts_engine_holder(path);
        status = remus_error(error, DTS_EXIT_REFUSED, "%s is protected "
                             "already, or looked at for long: %s has its "
                             "lock: xl-remus status %s", e->name, holder,
                             e->name);
        free(holder);
    } else if (e->lock < 0) {
        status = remus_error(error, DTS_EXIT_PARTLY, "%s: %s", path,
                             ovs_strerror(-e->lock));
    }
    free(path);
    return status;
}

static char *
control_path(const char *domain)
{
    return xasprintf("%s/xl-remus.%s.ctl", dts_rundir(), domain);
}

int
engine_control_open(struct engine *e, char **error)
{
    static bool registered;
    char *slash;
    int status;

    ovs_list_init(&e->waiting);
    e->lock = -1;
    if (strchr(e->name, '/')) {
        return remus_error(error, DTS_EXIT_REFUSED, "a domain's name with / "
                           "in it names no file: xl rename %u NAME",
                           e->domid);
    }
    e->control = (e->o->control && e->o->control[0] ? xstrdup(e->o->control)
                  : control_path(e->name));
    slash = strrchr(e->control, '/');
    if (slash && slash != e->control) {
        *slash = '\0';
        mkdir(e->control, 0755);
        *slash = '/';
    }
    status = lock(e, error);
    if (status) {
        return status;
    }
    if (!registered) {
        registered = true;
        unixctl_command_register("remus/status", "[--json]", 0, 1, cmd_status,
                                 NULL);
        unixctl_command_register("remus/checkpoint", "", 0, 0,
                                 cmd_checkpoint, NULL);
        unixctl_command_register("remus/unprotect", "", 0, 0, cmd_unprotect,
                                 NULL);
    }
    current = e;
    status = unixctl_server_create(e->control, &e->unixctl);
    if (status) {
        return remus_error(error, DTS_EXIT_PARTLY, "%s: %s", e->control,
                           ovs_strerror(status));
    }
    wishes_open(e);
    return 0;
}

void
engine_control_run(struct engine *e)
{
    unixctl_server_run(e->unixctl);
    wishes_run(e);
}

void
engine_control_wait(struct engine *e)
{
    unixctl_server_wait(e->unixctl);
    if (e->xs) {
        poll_fd_wait(xs_fileno(e->xs), POLLIN);
        if (e->wish && e->phase == ENGINE_PROTECTED) {
            poll_timer_wait_until(e->wish_after);
        }
    }
}

void
engine_control_close(struct engine *e)
{
    struct engine_waiter *w;

    if (e->unixctl) {
        engine_control_committed(e, 0);
        LIST_FOR_EACH_SAFE (w, node, &e->waiting) {
            answer(e, w, NULL);
        }
        for (int i = 0; i < 3; i++) {
            unixctl_server_run(e->unixctl);
        }
        unixctl_server_destroy(e->unixctl);
    }
    if (e->xs) {
        xs_close(e->xs);
    }
    if (e->lock >= 0) {
        close(e->lock);
    }
    current = NULL;
    free(e->control);
    free(e->wish_path);
    free(e->answer_path);
}
