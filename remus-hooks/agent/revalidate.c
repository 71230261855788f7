/* SPDX-License-Identifier: Apache-2.0 */

/* When the datapath has forgotten what was.
 *
 * A barrier's reply says that the flow tables are new.  Packets, however, are
 * forwarded by what the datapath has cached, and that is put right by
 * ovs-vswitchd's revalidator threads, which go over the cache from time to
 * time.  A fence needs to know that a whole pass began after the change.
 *
 * ovs-vswitchd's command `revalidator/wait` answers at the end of a pass: of
 * the one under way if there is one, which may have begun before the change.
 * So, over a connection that is kept open:
 *
 *   `version`            its answer: the main loop has gone round once, and
 *                        the revalidators have been told of the change
 *   `revalidator/wait`   its answer: any pass from before is over
 *   `revalidator/wait`   its answer: a whole pass after the change
 *
 * With each of the two goes a tick (ofctrl.c), a message that makes the next
 * pass begin at once instead of within 500 ms.  It goes by another connection
 * and may be there first: a pass that is over when the command arrives does
 * not count.  So it is sent again, ever more rarely, until the answer comes.
 *
 * With datapaths of two types `revalidator/wait` is refused; then
 * `revalidator/purge` empties the cache, which costs the other flows their
 * entries but says as much. */

#include <config.h>

#include "revalidate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon.h"
#include "dirs.h"
#include "jsonrpc.h"
#include "ofctrl.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(revalidate);

#define RECONNECT_MS 500
#define TICK_MS 10              /* To the second tick; then twice that... */

enum step { S_IDLE, S_VERSION, S_FIRST, S_SECOND, S_PURGE };

static struct jsonrpc_session *session;
static char *path;
static long long int connect_at;
static unsigned int session_seqno;
static bool usable;             /* Connected, and requests may be sent. */

static enum step step;
static long long int tick_at;   /* ms: the next tick while a pass is awaited. */
static long long int tick_after;
static struct json *request_id;
static uint64_t wanted, current, done;
static long long int done_us;
static long long int began_us, last_us;
static uint64_t n_passes;
static bool multiple;           /* More than one datapath type. */

static void open_session(void);
static void close_session(void);
static void send_command(const char *command);
static void wait_for_pass(enum step);
static bool is_waiting(void);
static void tick(void);
static void begin(void);
static void handle(const struct jsonrpc_msg *);
static void advance(void);

void
revalidate_destroy(void)
{
    close_session();
}

void
revalidate_run(void)
{
    if (!session) {
        if (time_msec() >= connect_at) {
            open_session();
        }
        if (!session) {
            return;
        }
    }

    jsonrpc_session_run(session);
    if (!jsonrpc_session_is_alive(session)) {
        close_session();
        return;
    }
    if (!jsonrpc_session_is_connected(session)) {
        return;
    }
    if (!usable || session_seqno != jsonrpc_session_get_seqno(session)) {
        session_seqno = jsonrpc_session_get_seqno(session);
        usable = true;
        step = S_IDLE;
        multiple = false;
    }
    for (int i = 0; i < 10; i++) {
        struct jsonrpc_msg *msg = jsonrpc_session_recv(session);
        if (!msg) {
            break;
        }
        handle(msg);
        jsonrpc_msg_destroy(msg);
    }
    begin();
    if (is_waiting() && time_msec() >= tick_at) {
        tick();
    }
}

void
revalidate_wait(void)
{
    if (session) {
        jsonrpc_session_wait(session);
        if (jsonrpc_session_is_alive(session)) {
            jsonrpc_session_recv_wait(session);
        } else {
            poll_immediate_wake();
        }
        if (is_waiting()) {
            poll_timer_wait_until(tick_at);
        }
    } else {
        poll_timer_wait_until(connect_at);
    }
}

void
revalidate_request(uint64_t seq)
{
    wanted = MAX(wanted, seq);
    if (session && usable) {
        begin();
    }
}

uint64_t
revalidate_done(long long int *when)
{
    *when = done_us;
    return done;
}

/* Finds the socket as ovs-appctl does. */
static void
open_session(void)
{
    char *pidfile = xasprintf("%s/ovs-vswitchd.pid", ovs_rundir());
    char *target;
    pid_t pid = -1;

    connect_at = time_msec() + RECONNECT_MS;
    if (!access(pidfile, R_OK)) {
        pid = read_pidfile(pidfile);
    }
    free(pidfile);

    free(path);
    path = xasprintf("%s/ovs-vswitchd.%ld.ctl", ovs_rundir(), (long int) pid);
    if (pid < 0 || access(path, F_OK)) {
        free(path);
        path = xasprintf("%s/ovs-vswitchd.ctl", ovs_rundir());
        if (access(path, F_OK)) {
            return;
        }
    }
    target = xasprintf("unix:%s", path);
    session = jsonrpc_session_open(target, false);
    jsonrpc_session_set_probe_interval(session, 0);
    free(target);
    usable = false;
}

static void
close_session(void)
{
    jsonrpc_session_close(session);
    session = NULL;
    usable = false;
    step = S_IDLE;
    json_destroy(request_id);
    request_id = NULL;
    connect_at = time_msec() + RECONNECT_MS;
}

static void
send_command(const char *command)
{
    struct jsonrpc_msg *msg;

    json_destroy(request_id);
    msg = jsonrpc_create_request(command, json_array_create_empty(),
                                 &request_id);
    jsonrpc_session_send(session, msg);
}

static void
begin(void)
{
    if (usable && step == S_IDLE && wanted > done) {
        current = wanted;
        began_us = time_usec();
        step = S_VERSION;
        send_command("version");
    }
}

static void
handle(const struct jsonrpc_msg *msg)
{
    if (!request_id || !msg->id || !json_equal(msg->id, request_id)) {
        return;
    }
    if (msg->type == JSONRPC_ERROR) {
        if (is_waiting()) {
            VLOG_INFO("ovs-vswitchd has datapaths of more than one type: "
                      "emptying their caches instead of waiting for them");
            multiple = true;
            step = S_PURGE;
            send_command("revalidator/purge");
        } else {
            VLOG_WARN("ovs-vswitchd refuses to tell when its caches are "
                      "valid; trying again");
            close_session();
        }
    } else if (msg->type == JSONRPC_REPLY) {
        advance();
    }
}

static bool
is_waiting(void)
{
    return step == S_FIRST || step == S_SECOND;
}

static void
tick(void)
{
    ofctrl_tick();
    tick_at = time_msec() + tick_after;
    tick_after *= 2;
}

static void
wait_for_pass(enum step next)
{
    step = next;
    send_command("revalidator/wait");
    tick_after = TICK_MS;
    tick();
}

/* The answer to the request of 'step' is there. */
static void
advance(void)
{
    switch (step) {
    case S_VERSION:
        if (multiple) {
            step = S_PURGE;
            send_command("revalidator/purge");
        } else {
            wait_for_pass(S_FIRST);
        }
        break;
    case S_FIRST:
        wait_for_pass(S_SECOND);
        break;
    case S_SECOND:
    case S_PURGE:
        done = current;
        done_us = time_usec();
        last_us = done_us - began_us;
        n_passes++;
        step = S_IDLE;
        break;
    case S_IDLE:
    default:
        break;
    }
}

void
revalidate_format(struct ds *ds)
{
    ds_put_format(ds, "revalidators: %s; %"PRIu64" passes awaited, the last "
                  "took %lld us\n",
                  usable ? "connected" : "not connected", n_passes, last_us);
}
