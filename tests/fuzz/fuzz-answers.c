/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent-client.h"
#include "agent-session.h"
#include "buf-ovs.h"
#include "fake.h"
#include "netdev-exists.h"
#include "openvswitch/json.h"
#include "util.h"
#include "vif-db.h"
#include "vif-txn.h"

/* Fuzz-sources: tests/fuzz/fake.c remus-hooks/lib/agent-client.c
 * Fuzz-sources: remus-hooks/lib/agent-session.c remus-hooks/lib/rundir.c
 * Fuzz-sources: netscripts/vif-db.c netscripts/vif-json.c
 * Fuzz-sources: netscripts/vif-spec.c netscripts/vif-txn.c
 * Fuzz-sources: netscripts/buf-ovs.c netscripts/buf-txn.c
 * Fuzz-includes: netscripts tests/fuzz
 * Fuzz-wrap: clock_gettime poll socket connect send recv
 *
 * What our small programs are answered: by the agent, in a lasting
 * conversation and to a call, and by Open vSwitch's database.  The first byte
 * says by whom, the second in what pieces the rest comes.  A server that says
 * nothing of use keeps nobody for ever. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct json *
params(void)
{
    struct json *o = json_object_create();

    json_object_put_string(o, "session", "s");
    return o;
}

/* As a link or a gate does. */
static void
converse(void)
{
    struct agent_session *as = agent_session_create("/nonexistent");
    const char *reason;
    int code;

    agent_session_set_hello(as, params());
    agent_session_keep(as, "checkpoint", params());
    agent_session_ask(as, "grant?", params());
    for (int i = 0; i < 20; i++) {
        agent_session_run(as);
        agent_session_fact(as, "session");
        agent_session_fact_int(as, "generation", 0);
        ovs_assert(!agent_session_connected(as) || agent_session_facts(as));
        if (agent_session_verdict(as, &reason)) {
            ovs_assert(reason);
            agent_session_forget(as);
            agent_session_ask(as, "grant?", params());
        }
        if (agent_session_error(as, &code)) {
            ovs_assert(code >= 0 && code < 256);
        }
        agent_session_killed(as);
        agent_session_acked(as);
        agent_session_deadline(as);
        fake_wait(500);
    }
    agent_session_destroy(as);
}

/* As the vif program does. */
static void
call(void)
{
    struct agent_client *client;
    struct agent_msg *answer;

    ovs_assert(!agent_client_open("/nonexistent", 0, &client));
    agent_client_request(client, "hello", params());
    for (int i = 0; i < 3; i++) {
        if (!agent_client_call(client, "vif", params(), 1000, &answer)) {
            ovs_assert(!answer->error != !answer->result);
            ovs_assert(!answer->error == !answer->code);
            ovs_assert(!answer->method && answer->id == 2 + i);
        } else {
            ovs_assert(!answer);
        }
        agent_msg_destroy(answer);
    }
    agent_client_close(client);
}

static struct json *
transact(struct vif_db *db, struct json *request)
{
    struct json *result;
    char *error = vif_db_transact(db, request, 1000, &result);

    ovs_assert(!error != !result);
    free(error);
    return result;
}

/* Without the agent, by itself. */
static void
ask_database(void)
{
    struct vif_spec spec = {
        .op = VIF_ONLINE, .domid = 5, .xenbus = "backend/vif/5/0",
        .kernel_name = "vif5.0", .name = "vif5.0", .domain = "voip",
        .mac = "00:16:3e:00:00:01", .bridge = { .name = "br-dts", .tag = -1 },
    };
    struct vif_state state;
    struct vif_db *db;
    struct json *result;
    bool timed_out;
    char *error;

    free(vif_db_open(&db));
    result = transact(db, vif_txn_look(&spec));
    if (result) {
        error = vif_result_look(result, &spec, &state);
        if (!error) {
            json_destroy(vif_txn_plug(&spec, &state));
            json_destroy(vif_txn_unplug(&spec, &state));
        }
        free(error);
        vif_state_uninit(&state);
        json_destroy(result);
    }
    result = transact(db, vif_txn_taken(&spec, 1000));
    if (result) {
        free(vif_result_taken(result, &timed_out));
        json_destroy(result);
    }
    vif_db_close(db);
}

bool
dts_netdev_exists(const char *name)
{
    return !strcmp(name, "vif5.0");
}

/* For a buffer's program. */
static void
change_ports(void)
{
    struct buf_pair pairs[] = {
        { .vif = "vif5.0", .port = "dtsb5.0" },
        { .vif = "vif5.1", .port = "dtsb5.1" },
    };

    for (enum buf_op op = BUF_INSERT; op <= BUF_CUT; op++) {
        int code = 0;
        char *error = buf_ovs_change(op, pairs, ARRAY_SIZE(pairs), &code);

        ovs_assert(!error || code);
        free(error);
    }
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        buf_pair_uninit(&pairs[i]);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2) {
        return 0;
    }
    fake_init();
    fake_socket.data = data + 2;
    fake_socket.n = n - 2;
    fake_socket.piece = data[1];
    fake_socket.closed = data[0] & 4;
    switch (data[0] & 3) {
    case 0: converse(); break;
    case 1: call(); break;
    case 2: change_ports(); break;
    default: ask_database(); break;
    }
    return 0;
}
