/* SPDX-License-Identifier: Apache-2.0 */
/* The hotplug program for script=vif-ovs-dts: plugs a domain's vif into Open
 * vSwitch.
 *
 * libxl runs it when a device is made, also on the host that takes a domain
 * over, before the domain goes on: so its time is part of every failover, and
 * it is a small C program where Xen has a shell script.
 *
 * The order of things: what libxl tells (vif-spec.c), a lock (vif-lock.c), what
 * xenstore tells (vif-store.c), the device (vif-dev.c), the port, the device
 * up, and hotplug-status.  The port is the agent's business: it knows whether
 * the domain may run here at all.  When the agent cannot be asked, this program
 * plugs the vif itself (vif-txn.c, vif-db.c); the agent's bridge drops whatever
 * no flow admits, so nothing passes until the agent has had its say. */

#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "agent-client.h"
#include "netdev-exists.h"
#include "openvswitch/shash.h"
#include "remus-dts/exit.h"
#include "say.h"
#include "util.h"
#include "vif-db.h"
#include "vif-dev.h"
#include "vif-lock.h"
#include "vif-spec.h"
#include "vif-store.h"
#include "vif-txn.h"

/* libxl gives a script 40 s in all. */
#define LOCK_MS 10000
#define AGENT_OPEN_MS 500
#define AGENT_MS 10000
#define DB_MS 8000
#define TAKEN_MS 5000

/* The agent. */

static void
put_optional(struct json *o, const char *name, const char *value)
{
    json_object_put_string(o, name, value ? value : "");
}

static struct json *
agent_params(const struct vif_spec *spec)
{
    struct json *o = json_object_create();
    struct json *ids = vif_external_ids(spec, NULL);
    char *vlan = vif_bridge_vlan(&spec->bridge);
    char *uuid = vif_uuid(spec->vm_uuid, spec->devid);

    json_object_put_string(o, "op", vif_op_to_string(spec->op));
    json_object_put_string(o, "vif", spec->name);
    json_object_put(o, "domid", json_integer_create(spec->domid));
    put_optional(o, "name", spec->domain);
    put_optional(o, "mac", spec->mac);
    put_optional(o, "bridge", spec->bridge.name);
    put_optional(o, "vlan", vlan);
    put_optional(o, "iface_id", uuid ? uuid : spec->kernel_name);
    put_optional(o, "vm_id", spec->vm_uuid);
    json_object_put(o, "mtu", json_integer_create(spec->mtu));
    json_object_put(o, "external_ids", ids);
    free(vlan);
    free(uuid);
    return o;
}

static struct json *
hello_params(void)
{
    struct json *o = json_object_create();

    json_object_put(o, "version", json_integer_create(DTS_AGENT_VERSION));
    json_object_put_string(o, "role", "vif");
    json_object_put(o, "pid", json_integer_create(getpid()));
    return o;
}

enum outcome {
    DONE,                       /* The agent did it. */
    REFUSED,                    /* It must not be done: '*message'. */
    UNREACHABLE,                /* No agent to ask: '*message'. */
};

/* Asks the agent.  '*mtu' is set if it tells one; '*code' if it refuses. */
static enum outcome
ask_agent(const struct vif_spec *spec, int *mtu, int *code, char **message)
{
    struct agent_client *client;
    struct agent_msg *answer = NULL;
    enum outcome outcome;
    int error;

    error = agent_client_open(NULL, AGENT_OPEN_MS, &client);
    if (!error) {
        /* The answer to the hello does not matter here, so it is not waited
         * for: one round trip less. */
        agent_client_request(client, "hello", hello_params());
        error = agent_client_call(client, "vif", agent_params(spec), AGENT_MS,
                                  &answer);
    }
    agent_client_close(client);
    if (error) {
        *message = xstrdup(error == EOF ? "it closed the connection"
                           : strerror(error));
        return UNREACHABLE;
    }

    if (!answer->error) {
        const struct json *m = (answer->result->type == JSON_OBJECT
                                ? shash_find_data(json_object(answer->result),
                                                  "mtu") : NULL);
        if (m && m->type == JSON_INTEGER && json_integer(m) >= 68
            && json_integer(m) <= 65535) {
            *mtu = json_integer(m);
        }
        outcome = DONE;
    } else {
        /* Without Open vSwitch's database, or in want of time, the agent is as
         * good as away.  All else is its decision. */
        outcome = (answer->code == DTS_EXIT_NO_DATABASE
                   || answer->code == DTS_EXIT_TIMEOUT ? UNREACHABLE
                   : REFUSED);
        *code = answer->code ? answer->code : DTS_EXIT_REFUSED;
        *message = xstrdup(answer->error);
    }
    agent_msg_destroy(answer);
    return outcome;
}

/* Without the agent. */

static char *
transact(struct vif_db *db, struct json *params)
{
    struct json *result;
    char *error = vif_db_transact(db, params, DB_MS, &result);

    if (!error) {
        error = vif_result_check(result);
        json_destroy(result);
    }
    return error;
}

/* One look and one change; the look is in 'state' (to be uninitialised). */
static char *
look_and_change(struct vif_db *db, const struct vif_spec *spec,
                struct vif_state *state)
{
    struct json *result;
    char *error = vif_db_transact(db, vif_txn_look(spec), DB_MS, &result);

    memset(state, 0, sizeof *state);
    if (!error) {
        error = vif_result_look(result, spec, state);
        json_destroy(result);
    }
    if (error) {
        return error;
    }

    if (!vif_op_is_plug(spec->op)) {
        return ((state->port && state->ours) || state->buffer
                ? transact(db, vif_txn_unplug(spec, state)) : NULL);
    } else if (state->buffer) {
        return NULL;            /* Plugged, through its buffer. */
    } else if (!state->bridge_exists) {
        return (state->bridge_is_dts
                ? xasprintf("there is no bridge %s yet: start dts-agent, "
                            "which makes it (systemctl start dts-agent)",
                            spec->bridge.name)
                : xasprintf("there is no Open vSwitch bridge %s: ovs-vsctl "
                            "add-br %s, or write bridge=br-dts",
                            spec->bridge.name, spec->bridge.name));
    } else if (state->interface_exists && !state->port) {
        return xasprintf("%s is already in another port of Open vSwitch (a "
                         "bond?): take it out there", spec->name);
    }
    return transact(db, vif_txn_plug(spec, state));
}

static char *
plug_without_agent(const struct vif_spec *spec)
{
    struct json *result;
    struct vif_db *db;
    bool timed_out;
    bool buffered = false;
    char *error;
    int tries;

    error = vif_db_open(&db);
    for (tries = 0; db && tries < 3; tries++) {
        struct vif_state state;

        free(error);
        error = look_and_change(db, spec, &state);
        buffered = state.buffer != NULL;
        vif_state_uninit(&state);
        /* Another program may have made or removed a port of that name between
         * the look and the change. */
        if (!error || !strstr(error, "constraint violation")) {
            break;
        }
    }
    if (!error && vif_op_is_plug(spec->op) && !buffered) {
        error = vif_db_transact(db, vif_txn_taken(spec, TAKEN_MS), DB_MS,
                                &result);
        if (!error) {
            error = vif_result_taken(result, &timed_out);
            json_destroy(result);
            if (timed_out) {
                error = xasprintf("ovs-vswitchd did not take %s within %d s: "
                                  "is it running (systemctl status "
                                  "openvswitch-switch)?",
                                  spec->name, TAKEN_MS / 1000);
            }
        }
    }
    vif_db_close(db);
    return error;
}

/* The operations. */

/* Makes the device what it is to be. */
static char *
prepare_device(const struct vif_spec *spec)
{
    bool there = dts_netdev_exists(spec->kernel_name);
    char *error;

    if (strcmp(spec->kernel_name, spec->name)) {
        bool taken = dts_netdev_exists(spec->name);

        if (there && taken) {
            return xasprintf("vifname=%s: there is a network device of that "
                             "name: write another one", spec->name);
        } else if (there) {
            error = vif_dev_prepare(spec->kernel_name);
            if (!error) {
                error = vif_dev_rename(spec->kernel_name, spec->name);
            }
            return error;
        }
        there = taken;          /* Renamed by an earlier call. */
    }
    return (there ? vif_dev_prepare(spec->name)
            : xasprintf("there is no network device %s: is the module "
                        "xen-netback loaded?", spec->name));
}

static char *
plug(struct vif_spec *spec, int *code)
{
    char *message = NULL, *error;
    int mtu = spec->mtu;

    error = prepare_device(spec);
    if (!error && spec->mtu) {
        error = vif_dev_set_mtu(spec->name, spec->mtu);
    }
    /* Up before it is a port (where nothing passes yet): with the userspace
     * datapath ovs-vswitchd reads the flags, adds "promiscuous" and writes
     * them, and would take down what is taken up in between. */
    if (!error) {
        error = vif_dev_set_up(spec->name, true);
    }
    if (error) {
        return error;
    }

    switch (ask_agent(spec, &mtu, code, &message)) {
    case REFUSED:
        error = message;
        message = NULL;
        break;
    case UNREACHABLE:
        say(LOG_WARNING, "%s: dts-agent cannot be asked (%s): plugging it "
            "without", spec->name, message);
        error = plug_without_agent(spec);
        if (error) {
            *code = DTS_EXIT_NO_DATABASE;
        }
        break;
    case DONE:
        break;
    }
    free(message);

    if (!error && mtu) {
        if (mtu != spec->mtu) {
            error = vif_dev_set_mtu(spec->name, mtu);
        }
        vif_store_tell_mtu(spec, mtu);
    }
    if (!error) {
        error = vif_dev_set_up(spec->name, true);
    }
    if (error) {
        free(vif_dev_set_up(spec->name, false));
    }
    return error;
}

/* Never fails: libxl would leave the device behind. */
static void
unplug(struct vif_spec *spec)
{
    char *message = NULL, *error = NULL;
    int mtu, code;

    /* First of all, nothing more passes. */
    if (dts_netdev_exists(spec->name)) {
        free(vif_dev_set_up(spec->name, false));
    }
    if (ask_agent(spec, &mtu, &code, &message) != DONE) {
        error = plug_without_agent(spec);
        if (error) {
            say(LOG_WARNING, "%s: not removed from Open vSwitch: %s (and "
                "dts-agent: %s)", spec->name, error, message);
        }
    }
    free(message);
    free(error);
}

static int
run(struct vif_spec *spec)
{
    bool plugging = vif_op_is_plug(spec->op);
    int code = DTS_EXIT_USAGE;
    char *lock, *error;

    error = vif_store_open();
    if (error) {
        code = DTS_EXIT_NO_DATABASE;
    } else {
        error = vif_store_read(spec);
    }
    lock = xasprintf("vif-%u.%u%s", spec->domid, spec->devid,
                     spec->tap ? "-emu" : "");
    if (plugging) {
        if (!error) {
            error = vif_lock_take(lock, LOCK_MS);
            code = error ? DTS_EXIT_TIMEOUT : code;
        }
        if (!error) {
            error = plug(spec, &code);
        }
        if (!error) {
            vif_store_connected(spec);
        } else {
            vif_store_failed(spec->xenbus, error);
            say(LOG_ERR, "%s: %s", spec->name, error);
        }
    } else {
        char *busy = vif_lock_take(lock, LOCK_MS);

        if (error || busy) {
            say(LOG_WARNING, "%s: %s", spec->name, error ? error : busy);
        }
        free(busy);
        unplug(spec);
    }
    vif_lock_release();
    vif_store_close();
    free(lock);
    code = error && plugging ? code : DTS_EXIT_OK;
    free(error);
    return code;
}

int
main(int argc, char *argv[])
{
    struct vif_spec spec;
    bool ignored;
    char *error;
    int code;

    set_program_name(argv[0]);
    if (argc == 2 && !strcmp(argv[1], "--version")) {
        puts("vif-ovs-dts (remus-dts) " DTS_VERSION);
        return DTS_EXIT_OK;
    } else if (argc == 2 && !strcmp(argv[1], "--help")) {
        puts("vif-ovs-dts: plugs a vif into Open vSwitch; run by libxl for "
             "script=vif-ovs-dts.\n"
             "usage: XENBUS_PATH=backend/vif/DOMID/DEVID [vif=NAME] "
             "vif-ovs-dts online|offline\n"
             "       INTERFACE=vifDOMID.DEVID-emu "
             "vif-ovs-dts add|remove type_if=tap\n"
             "See vif-ovs-dts(8).");
        return DTS_EXIT_OK;
    }

    error = vif_spec_init(&spec, argc, argv, getenv, &ignored);
    if (error) {
        say(LOG_ERR, "%s", error);
        code = DTS_EXIT_USAGE;
    } else {
        code = ignored ? DTS_EXIT_OK : run(&spec);
    }
    free(error);
    vif_spec_uninit(&spec);
    return code;
}
