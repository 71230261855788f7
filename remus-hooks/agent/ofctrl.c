/* SPDX-License-Identifier: Apache-2.0 */

/* OpenFlow: what is desired against what the switch has.
 *
 * One OpenFlow 1.5 connection to the bridge's management socket is kept open.
 * After each (re)connection, and after any error, the switch is asked for all
 * its flows and groups; then, and at each change of what is desired, only the
 * differences are sent, as one atomic and ordered bundle and a barrier: flows
 * that go first, groups, flows that come, groups that go.  The switch
 * changes from the old state to the new one between two packets, and an agent
 * that starts where another ended changes nothing.
 *
 * The bridge is ours alone: flows that nobody here desires are removed.  Now
 * and then the switch is asked what it has (or how much, if that is much), so
 * that what someone did by hand is made good too.
 *
 * Nothing here waits: messages are gathered on the connection (of-conn.c) and
 * leave in one write, answers are taken in ofctrl_run(). */

#include <config.h>

#include "ofctrl.h"

#include <stdlib.h>

#include "dirs.h"
#include "flow-table.h"
#include "flow.h"
#include "flows.h"
#include "of-conn.h"
#include "ofctrl-msgs.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/ofp-group.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-packet.h"
#include "openvswitch/ofp-print.h"
#include "openvswitch/ofp-switch.h"
#include "openvswitch/ofp-util.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/rconn.h"
#include "openvswitch/vlog.h"
#include "socket-util.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ofctrl);

/* After an error, wait this long before the next comparison, ms. */
#define RESYNC_DELAY 500
/* After a lost or failed connection, before the next one, ms. */
#define RECONNECT_DELAY 200

/* Ask what the switch has every so often, ms; beyond so many flows only how
 * many there are. */
#define AUDIT_INTERVAL 5000
#define AUDIT_FLOWS 2000

/* A barrier that has not been answered. */
struct pending {
    struct ovs_list list_node;
    ovs_be32 xid;
    uint64_t version;           /* In force with its reply; 0: none. */
    bool failed;
};

enum state {
    S_DOWN,                     /* No connection. */
    S_DUMP,                     /* Waiting for flows and groups. */
    S_SYNCED,                   /* 'flows' and 'groups' are the switch's. */
    S_FAILED,                   /* An error: compare again at 'retry_at'. */
};

static void (*packet_in_cb)(uint64_t cookie);
static struct rconn *rconn;
static char *target;
static long long int connect_at;        /* ms, monotonic */
static unsigned int seqno;
static enum state state;
static unsigned int epoch = 1;
static bool full;               /* Compare all, not only what changed. */
static bool flows_dumped, groups_dumped;
static ovs_be32 flows_xid, groups_xid;
static long long int retry_at;
static struct hmap flows = HMAP_INITIALIZER(&flows);
static struct hmap groups = HMAP_INITIALIZER(&groups);

/* The audit under way. */
static long long int audit_at;
static ovs_be32 audit_flows_xid, audit_groups_xid, audit_count_xid;
static uint64_t audit_mods;     /* 'n_flow_mods' + 'n_group_mods' then. */
static struct hmap audit_flows = HMAP_INITIALIZER(&audit_flows);
static struct hmap audit_groups = HMAP_INITIALIZER(&audit_groups);

static struct ovs_list pendings = OVS_LIST_INITIALIZER(&pendings);
static uint64_t acked;
static long long int acked_us;
static uint64_t n_bundles, n_flow_mods, n_group_mods, n_errors, n_syncs;

static void connect_to(const char *bridge);
static void reconnect(void);
static void reset(void);
static void send_dump(void);
static void send_audit(void);
static void finish_audit(bool same);
static bool audit_is_same(void);
static void handle(struct ofpbuf *);
static void send_barrier(uint64_t version);

void
ofctrl_init(void (*packet_in)(uint64_t cookie))
{
    packet_in_cb = packet_in;
    rconn = rconn_create(5, 1, DSCP_DEFAULT, 1u << OFP15_VERSION);
}

void
ofctrl_destroy(void)
{
    reset();
    rconn_destroy(rconn);
    rconn = NULL;
    free(target);
    target = NULL;
    hmap_destroy(&flows);
    hmap_destroy(&groups);
    hmap_init(&flows);
    hmap_init(&groups);
}

void
ofctrl_run(const char *bridge)
{
    connect_to(bridge);
    reconnect();
    rconn_run(rconn);
    if (!rconn_is_connected(rconn)) {
        if (state != S_DOWN) {
            VLOG_INFO("%s: connection lost", target ? target : "bridge");
            reset();
        }
        return;
    }
    if (seqno != rconn_get_connection_seqno(rconn)) {
        reset();
        seqno = rconn_get_connection_seqno(rconn);
        struct ofputil_switch_config config = {
            .frag = OFPUTIL_FRAG_NORMAL,
            .invalid_ttl_to_controller = -1,
            .miss_send_len = 128,
        };
        rconn_send(rconn, ofputil_encode_set_config(&config, OFP15_VERSION),
                   NULL);
        send_dump();
    }
    if (state == S_FAILED && ovs_list_is_empty(&pendings)
        && time_msec() >= retry_at) {
        send_dump();
    }
    if (state == S_SYNCED && time_msec() >= audit_at) {
        send_audit();
    }
    for (int i = 0; i < 500; i++) {
        struct ofpbuf *msg = rconn_recv(rconn);
        if (!msg) {
            break;
        }
        handle(msg);
        ofpbuf_delete(msg);
    }
    rconn_run(rconn);           /* Writes what the above has sent. */
}

void
ofctrl_wait(void)
{
    if (target && !rconn_is_alive(rconn)) {
        poll_timer_wait_until(connect_at);
    }
    rconn_run_wait(rconn);
    rconn_recv_wait(rconn);
    if (state == S_FAILED) {
        poll_timer_wait_until(retry_at);
    } else if (state == S_SYNCED) {
        poll_timer_wait_until(audit_at);
    }
}

static void
connect_to(const char *bridge)
{
    char *new_target = (bridge ? xasprintf("unix:%s/%s.mgmt", ovs_rundir(),
                                           bridge)
                        : NULL);

    if (nullable_string_is_equal(new_target, target)) {
        free(new_target);
        return;
    }
    free(target);
    target = new_target;
    reset();
    rconn_disconnect(rconn);
    connect_at = 0;
}

/* rconn keeps a connection alive, but one of a kind that is not OVS's own it
 * cannot open again. */
static void
reconnect(void)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);
    struct vconn *vconn;
    int error;

    if (!target || rconn_is_alive(rconn) || time_msec() < connect_at) {
        return;
    }
    connect_at = time_msec() + RECONNECT_DELAY;
    error = of_conn_open(target, 1u << OFP15_VERSION, &vconn);
    if (error) {
        VLOG_INFO_RL(&rl, "%s: cannot connect (%s)", target,
                     ovs_strerror(error));
    } else {
        rconn_connect_unreliably(rconn, vconn, target);
    }
}

/* Forgets what the switch had. */
static void
reset(void)
{
    struct pending *p;

    LIST_FOR_EACH_POP (p, list_node, &pendings) {
        free(p);
    }
    dts_flows_clear(&flows, &groups);
    dts_flows_clear(&audit_flows, &audit_groups);
    state = S_DOWN;
    acked = 0;
    epoch++;
}

static void
send_dump(void)
{
    struct ofpbuf *f = ofctrl_encode_dump_flows();
    struct ofpbuf *g = ofctrl_encode_dump_groups();

    dts_flows_clear(&flows, &groups);
    flows_xid = ((struct ofp_header *) f->data)->xid;
    groups_xid = ((struct ofp_header *) g->data)->xid;
    flows_dumped = groups_dumped = false;
    state = S_DUMP;
    acked = 0;
    epoch++;
    rconn_send(rconn, f, NULL);
    rconn_send(rconn, g, NULL);
}

/* Asks what the switch has; the groups' answer comes last. */
static void
send_audit(void)
{
    struct ofpbuf *msg;

    audit_at = time_msec() + AUDIT_INTERVAL;
    audit_mods = n_flow_mods + n_group_mods;
    audit_flows_xid = audit_groups_xid = audit_count_xid = 0;
    dts_flows_clear(&audit_flows, &audit_groups);
    if (hmap_count(&flows) > AUDIT_FLOWS) {
        msg = ofctrl_encode_count_flows();
        audit_count_xid = ((struct ofp_header *) msg->data)->xid;
        rconn_send(rconn, msg, NULL);
    } else {
        msg = ofctrl_encode_dump_flows();
        audit_flows_xid = ((struct ofp_header *) msg->data)->xid;
        rconn_send(rconn, msg, NULL);
        msg = ofctrl_encode_dump_groups();
        audit_groups_xid = ((struct ofp_header *) msg->data)->xid;
        rconn_send(rconn, msg, NULL);
    }
}

static bool
audit_is_same(void)
{
    struct dts_group_entry *g;
    struct dts_flow_entry *f;

    if (hmap_count(&flows) != hmap_count(&audit_flows)
        || hmap_count(&groups) != hmap_count(&audit_groups)) {
        return false;
    }
    HMAP_FOR_EACH (f, hmap_node, &flows) {
        struct dts_flow_entry *e = dts_flow_find(&audit_flows, f->flow);
        if (!e || !ofctrl_same_flow(e->flow, f->flow)) {
            return false;
        }
    }
    HMAP_FOR_EACH (g, hmap_node, &groups) {
        struct dts_group_entry *e = dts_group_find(&audit_groups,
                                                   g->group->id);
        if (!e || !ofctrl_same_group(e->group, g->group)) {
            return false;
        }
    }
    return true;
}

/* An audit during which we changed something ourselves says nothing. */
static void
finish_audit(bool same)
{
    dts_flows_clear(&audit_flows, &audit_groups);
    if (!same && !full && audit_mods == n_flow_mods + n_group_mods
        && ovs_list_is_empty(&pendings)) {
        VLOG_INFO("%s: has other flows than it was given: comparing all",
                  target);
        send_dump();
    }
}

static void
fail(const char *why)
{
    struct pending *p;

    LIST_FOR_EACH (p, list_node, &pendings) {
        p->failed = true;
    }
    VLOG_WARN("%s; comparing all flows again", why);
    n_errors++;
    state = S_FAILED;
    acked = 0;
    epoch++;
    retry_at = time_msec() + RESYNC_DELAY;
}

static void
handle_barrier(const struct ofp_header *oh)
{
    struct pending *p;

    LIST_FOR_EACH_SAFE (p, list_node, &pendings) {
        if (p->xid == oh->xid) {
            ovs_list_remove(&p->list_node);
            if (!p->failed) {
                if (p->version > acked && state == S_SYNCED) {
                    acked = p->version;
                    acked_us = time_usec();
                }
            }
            free(p);
            return;
        }
    }
}

static void
handle(struct ofpbuf *msg)
{
    const struct ofp_header *oh = msg->data;
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(10, 10);
    enum ofptype type;

    if (ofptype_decode(&type, oh)) {
        return;
    }
    if (type == OFPTYPE_ECHO_REQUEST) {
        rconn_send(rconn, ofputil_encode_echo_reply(oh), NULL);
    } else if (type == OFPTYPE_BARRIER_REPLY) {
        handle_barrier(oh);
    } else if (type == OFPTYPE_FLOW_STATS_REPLY) {
        bool audit = oh->xid == audit_flows_xid && state == S_SYNCED;
        if (audit || (oh->xid == flows_xid && state == S_DUMP)) {
            bool more = ofpmp_more(oh);
            if (!ofctrl_decode_flows(msg, audit ? &audit_flows : &flows)) {
                fail("a reply with flows cannot be read");
                return;
            }
            flows_dumped = !audit && !more;
        }
    } else if (type == OFPTYPE_GROUP_DESC_STATS_REPLY) {
        bool audit = oh->xid == audit_groups_xid && state == S_SYNCED;
        if (audit || (oh->xid == groups_xid && state == S_DUMP)) {
            bool more = ofpmp_more(oh);
            if (!ofctrl_decode_groups(msg, audit ? &audit_groups : &groups)) {
                fail("a reply with groups cannot be read");
                return;
            }
            groups_dumped = !audit && !more;
            if (audit && !more) {
                finish_audit(audit_is_same());
            }
        }
    } else if (type == OFPTYPE_AGGREGATE_STATS_REPLY) {
        uint32_t n;
        if (oh->xid == audit_count_xid && state == S_SYNCED
            && ofctrl_decode_count(oh, &n)) {
            finish_audit(n == hmap_count(&flows));
        }
    } else if (type == OFPTYPE_PACKET_IN) {
        struct ofputil_packet_in pin;
        if (!ofputil_decode_packet_in(oh, true, NULL, NULL, &pin, NULL, NULL,
                                      NULL)) {
            packet_in_cb(ntohll(pin.cookie));
        }
    } else if (type == OFPTYPE_ERROR) {
        char *s = ofp_to_string(oh, ntohs(oh->length), NULL, NULL, 1);
        VLOG_WARN_RL(&rl, "the switch refuses a message: %s", s);
        free(s);
        fail("an OpenFlow error");
    }

    if (state == S_DUMP && flows_dumped && groups_dumped) {
        state = S_SYNCED;
        full = true;
        epoch++;
        n_syncs++;
        VLOG_INFO("%s: has %"PRIuSIZE" flows and %"PRIuSIZE" groups", target,
                  hmap_count(&flows), hmap_count(&groups));
    }
}

static void
send_barrier(uint64_t version)
{
    struct ofpbuf *b = ofputil_encode_barrier_request(OFP15_VERSION);
    struct pending *p = xzalloc(sizeof *p);

    p->xid = ((struct ofp_header *) b->data)->xid;
    p->version = version;
    ovs_list_push_back(&pendings, &p->list_node);
    rconn_send(rconn, b, NULL);
}

static void
diff_flow(const struct dts_flow_table *t, struct dts_flow *key, bool lease_ok,
          struct ovs_list *removals, struct ovs_list *additions)
{
    struct dts_flow_entry *want = dts_flow_find(&t->flows, key);
    struct dts_flow_entry *have = dts_flow_find(&flows, key);

    if (!want) {
        if (have) {
            ovs_list_push_back(removals,
                               &ofctrl_encode_flow(have->flow, false)
                               ->list_node);
            dts_flows_delete(&flows, have);
            n_flow_mods++;
        }
    } else if (!have || !dts_flow_same_actions(have->flow, want->flow)) {
        if (want->flow->hard_timeout && !lease_ok) {
            return;
        }
        if (have && full && ofctrl_same_flow(have->flow, want->flow)) {
            dts_flows_put(&flows, dts_flow_ref(want->flow));
            return;
        }
        ovs_list_push_back(additions,
                           &ofctrl_encode_flow(want->flow, true)->list_node);
        dts_flows_put(&flows, dts_flow_ref(want->flow));
        n_flow_mods++;
    }
}

static void
diff_group(const struct dts_flow_table *t, uint32_t id,
           struct ovs_list *additions, struct ovs_list *removals)
{
    struct dts_group_entry *want = dts_group_find(&t->groups, id);
    struct dts_group_entry *have = dts_group_find(&groups, id);

    if (!want) {
        if (have) {
            ovs_list_push_back(removals,
                               &ofctrl_encode_group(have->group,
                                                    OFPGC11_DELETE)
                               ->list_node);
            dts_groups_delete(&groups, have);
            n_group_mods++;
        }
    } else if (!have || !ofctrl_same_group(have->group, want->group)) {
        ovs_list_push_back(additions,
                           &ofctrl_encode_group(want->group,
                                                have ? OFPGC11_MODIFY
                                                : OFPGC11_ADD)->list_node);
        dts_groups_put(&groups, dts_group_ref(want->group));
        n_group_mods++;
    }
}

/* Sends the messages in 'lists', in that order, as one bundle. */
static void
send_bundle(struct ovs_list *lists[], size_t n_lists, uint64_t version)
{
    static uint32_t bundle_id;

    bundle_id++;
    n_bundles++;
    rconn_send(rconn, ofctrl_encode_bundle(bundle_id, true), NULL);
    for (size_t i = 0; i < n_lists; i++) {
        struct ofpbuf *msg;
        LIST_FOR_EACH_POP (msg, list_node, lists[i]) {
            rconn_send(rconn, ofctrl_encode_bundle_add(bundle_id, msg), NULL);
            ofpbuf_delete(msg);
        }
    }
    rconn_send(rconn, ofctrl_encode_bundle(bundle_id, false), NULL);
    send_barrier(version);
    rconn_run(rconn);           /* Writes it now. */
}

void
ofctrl_put(struct dts_flow_table *t, uint64_t version, bool lease_ok)
{
    struct ovs_list gone = OVS_LIST_INITIALIZER(&gone);
    struct ovs_list new_groups = OVS_LIST_INITIALIZER(&new_groups);
    struct ovs_list come = OVS_LIST_INITIALIZER(&come);
    struct ovs_list old_groups = OVS_LIST_INITIALIZER(&old_groups);
    struct ovs_list *lists[] = { &gone, &new_groups, &come, &old_groups };

    if (state != S_SYNCED) {
        dts_flow_table_forget_changes(t);
        return;
    }
    if (full) {
        struct dts_group_entry *g;
        struct dts_flow_entry *f;

        HMAP_FOR_EACH_SAFE (f, hmap_node, &flows) {
            if (!dts_flow_find(&t->flows, f->flow)) {
                diff_flow(t, f->flow, lease_ok, &gone, &come);
            }
        }
        HMAP_FOR_EACH (f, hmap_node, &t->flows) {
            diff_flow(t, f->flow, lease_ok, &gone, &come);
        }
        HMAP_FOR_EACH_SAFE (g, hmap_node, &groups) {
            if (!dts_group_find(&t->groups, g->group->id)) {
                diff_group(t, g->group->id, &new_groups, &old_groups);
            }
        }
        HMAP_FOR_EACH (g, hmap_node, &t->groups) {
            diff_group(t, g->group->id, &new_groups, &old_groups);
        }
        full = false;
    } else {
        for (size_t i = 0; i < t->n_changed; i++) {
            diff_flow(t, t->changed[i], lease_ok, &gone, &come);
        }
        for (size_t i = 0; i < t->n_changed_groups; i++) {
            diff_group(t, t->changed_groups[i], &new_groups, &old_groups);
        }
    }
    dts_flow_table_forget_changes(t);

    bool any = false;
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        any |= !ovs_list_is_empty(lists[i]);
    }
    if (any) {
        send_bundle(lists, ARRAY_SIZE(lists), version);
    } else if (ovs_list_is_empty(&pendings)) {
        if (version > acked) {
            acked = version;
            acked_us = time_usec();
        }
    } else {
        struct pending *p = CONTAINER_OF(ovs_list_back(&pendings),
                                         struct pending, list_node);
        p->version = MAX(p->version, version);
    }
}

void
ofctrl_renew(const struct dts_flow_table *t)
{
    struct dts_flow_entry *f;

    if (state != S_SYNCED) {
        return;
    }
    HMAP_FOR_EACH (f, hmap_node, &t->flows) {
        if (f->flow->hard_timeout) {
            rconn_send(rconn, ofctrl_encode_flow(f->flow, true), NULL);
            dts_flows_put(&flows, dts_flow_ref(f->flow));
        }
    }
    rconn_run(rconn);
}

uint64_t
ofctrl_acked(long long int *when)
{
    if (when) {
        *when = acked_us;
    }
    return acked;
}

bool
ofctrl_is_synced(void)
{
    return state == S_SYNCED;
}

unsigned int
ofctrl_epoch(void)
{
    return epoch;
}

/* The flow is there already; adding it again has the switch look at all that
 * it has cached. */
void
ofctrl_tick(void)
{
    struct dts_flow *f;
    struct match match;

    if (state == S_DOWN) {
        return;
    }
    match_init_catchall(&match);
    f = dts_flow_create(DTS_T_TICK, 0, &match, NULL, 0, DTS_COOKIE, 0);
    rconn_send(rconn, ofctrl_encode_flow(f, true), NULL);
    rconn_run(rconn);
    dts_flow_unref(f);
}

void
ofctrl_inject(const void *packet, size_t size, unsigned int in_port,
              const struct ofpbuf *ofpacts)
{
    struct ofputil_packet_out po = {
        .packet = packet,
        .packet_len = size,
        .buffer_id = UINT32_MAX,
        .ofpacts = ofpacts->data,
        .ofpacts_len = ofpacts->size,
    };

    if (state == S_DOWN) {
        return;
    }
    match_init_catchall(&po.flow_metadata);
    match_set_in_port(&po.flow_metadata,
                      in_port ? u16_to_ofp(in_port) : OFPP_CONTROLLER);
    rconn_send(rconn, ofputil_encode_packet_out(&po, OFPUTIL_P_OF15_OXM),
               NULL);
    rconn_run(rconn);
}

bool
ofctrl_has(const struct dts_flow *f)
{
    const struct dts_flow_entry *e = dts_flow_find(&flows, f);
    return state == S_SYNCED && e && dts_flow_same_actions(e->flow, f);
}

void
ofctrl_format(struct ds *ds)
{
    static const char *const names[] = {
        [S_DOWN] = "not connected",
        [S_DUMP] = "reading its flows",
        [S_SYNCED] = "in step",
        [S_FAILED] = "an error; will compare again",
    };

    ds_put_format(ds, "openflow %s: %s; %"PRIuSIZE" flows, %"PRIuSIZE
                  " groups; sent %"PRIu64" bundles, %"PRIu64" flow-mods, %"
                  PRIu64" group-mods; %"PRIu64" errors, %"PRIu64
                  " comparisons\n", target ? target : "(no bridge)",
                  names[state], hmap_count(&flows), hmap_count(&groups),
                  n_bundles, n_flow_mods, n_group_mods, n_errors, n_syncs);
}
