/* SPDX-License-Identifier: Apache-2.0 */

/* The local Open vSwitch: from the view to the switch, in one round.
 *
 *   ovs-local.c   the Open_vSwitch database: bridge, tunnels, vifs, BFD
 *   sets.c        which domains are switched together     (lib, pure)
 *   flows.c       the flows that the switch should have   (lib, pure)
 *   ofctrl.c      the difference, as an OpenFlow bundle
 *   fences.c, revalidate.c   when the old path is gone from the datapath too
 *   first-frame.c when the guest is heard again
 *
 * A view that moves a binding is a bundle on the wire before this round ends;
 * what comes back is taken in later rounds.  Without a view (no database yet)
 * nothing is changed: what stands, stands. */

#include <config.h>

#include "switch.h"

#include <limits.h>
#include <stdlib.h>

#include "dp-packet.h"
#include "fences.h"
#include "first-frame.h"
#include "flow-table.h"
#include "flows.h"
#include "ofctrl.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/meta-flow.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-local.h"
#include "revalidate.h"
#include "sets.h"
#include "sset.h"
#include "timeval.h"
#include "util.h"
#include "view.h"

VLOG_DEFINE_THIS_MODULE(switch);

static struct switch_callbacks callbacks;
static struct dts_flow_table flow_table;
static struct dts_sets sets;
static struct dts_ports ports;
static struct sset blocked = SSET_INITIALIZER(&blocked);
static const struct dts_view *current;  /* As of this round. */
static bool have_flows;         /* Computed once. */

/* Sets that are alike are joined one step after the other. */
#define MERGE_INTERVAL 100      /* ms */

/* What the flows were last computed from. */
static uint64_t view_cookie, view_seq;
static struct sset changed = SSET_INITIALIZER(&changed); /* Domains since. */
static bool all_changed = true;         /* ...or anything. */
static long long int merge_at = LLONG_MAX;
static unsigned int ports_seqno, probes_seqno, of_epoch;
static bool blocked_changed;
static uint64_t version;
static bool last_connected;
static bool any_closed;
static long long int renew_at;

static void packet_in(uint64_t cookie);
static const struct sset *follow(const struct dts_view *, uint64_t cookie);
static void compute(const struct dts_view *, bool new_view, bool connected);
static void renew(const struct dts_view *, bool connected);

void
switch_init(const char *remote, const struct switch_callbacks *cb)
{
    callbacks = *cb;
    dts_flow_table_init(&flow_table);
    dts_sets_init(&sets);
    dts_ports_init(&ports);
    ofctrl_init(packet_in);
    ovs_local_init(remote, cb);
}

void
switch_destroy(void)
{
    fences_destroy();
    first_frame_destroy();
    revalidate_destroy();
    ofctrl_destroy();
    ovs_local_destroy();
    dts_flow_table_destroy(&flow_table);
    dts_sets_destroy(&sets);
    dts_ports_destroy(&ports);
    sset_destroy(&blocked);
    sset_init(&blocked);
    sset_destroy(&changed);
    sset_init(&changed);
    current = NULL;
}

void
switch_run(const struct dts_view *view, uint64_t cookie, bool connected)
{
    const struct sset *news = NULL;
    bool new_view = false;
    long long int seen = 0;

    if (view && !view->self) {
        view = NULL;
    }
    if (view && (cookie != view_cookie || !view_seq)) {
        seen = time_usec();
        news = follow(view, cookie);
        new_view = true;
    }
    current = view;

    ofctrl_run(ovs_local_bridge());
    if (view) {
        /* The flows first: on the way from a verdict to the switch nothing
         * comes before them. */
        compute(view, new_view, connected);
        if (new_view) {
            fences_add(view, news, view_seq, seen, version);
        }
    }
    ovs_local_run();
    if (view) {
        compute(view, false, connected);
        renew(view, connected);
    }
    revalidate_run();
    fences_run(&callbacks, version);
}

void
switch_wait(void)
{
    ovs_local_wait();
    ofctrl_wait();
    revalidate_wait();
    if (current && any_closed && last_connected) {
        poll_timer_wait_until(renew_at);
    }
    if (current
        && (probes_seqno != first_frame_seqno() || blocked_changed)) {
        poll_immediate_wake();
    }
    if (current) {
        poll_timer_wait_until(merge_at);
    }
}

static bool
any_switching_port(const struct dts_view *view)
{
    const struct dts_network *n;

    HMAP_FOR_EACH (n, hmap_node, &view->networks) {
        if (n->switching_port) {
            return true;
        }
    }
    return false;
}

/* Takes a new view.  Returns the domains that it changes, NULL for any. */
static const struct sset *
follow(const struct dts_view *view, uint64_t cookie)
{
    bool any = !view_seq || view->all_changed || cookie != view_cookie + 1;
    const char *name;

    view_cookie = cookie;
    view_seq++;
    ovs_local_set_view(any || any_switching_port(view) ? view : NULL,
                       view_seq);
    if (any) {
        all_changed = true;
    } else {
        SSET_FOR_EACH (name, &view->changed) {
            sset_add(&changed, name);
        }
    }
    first_frame_follow(view);
    dts_sets_update(&sets, view, any ? NULL : &view->changed);
    merge_at = time_msec() + MERGE_INTERVAL;
    return any ? NULL : &view->changed;
}

/* Nothing moves: a good time to join sets. */
static bool
merge_sets(const struct dts_view *view)
{
    struct sset none = SSET_INITIALIZER(&none);

    if (time_msec() < merge_at) {
        return false;
    }
    merge_at = LLONG_MAX;
    if (!dts_sets_can_merge(&sets)) {
        return false;
    }
    dts_sets_update(&sets, view, &none);
    merge_at = time_msec() + MERGE_INTERVAL;
    sset_destroy(&none);
    return true;
}

/* Computes and sends the flows if anything they come from has changed. */
static void
compute(const struct dts_view *view, bool new_view, bool connected)
{
    long long int begun = time_usec();
    bool again = (new_view || blocked_changed || !have_flows
                  || probes_seqno != first_frame_seqno()
                  || merge_sets(view));

    if (ports_seqno != ovs_local_seqno()) {
        struct dts_ports now;

        dts_ports_init(&now);
        ovs_local_get_ports(view, &now);
        ports_seqno = ovs_local_seqno();
        if (!dts_ports_equal(&now, &ports)) {
            dts_ports_destroy(&ports);
            ports = now;
            dts_ports_moved(&ports);
            again = all_changed = true;
        } else {
            dts_ports_destroy(&now);
        }
    }
    if (again) {
        bool all = all_changed || blocked_changed || !have_flows;

        first_frame_take_touched(&changed);
        struct dts_flows_in in = {
            .changed = all ? NULL : &changed,
            .view = view,
            .ports = &ports,
            .sets = &sets,
            .blocked = &blocked,
            .probes = first_frame_probes(),
        };
        dts_flows_compute(&flow_table, &in);
        have_flows = true;
        all_changed = blocked_changed = false;
        sset_clear(&changed);
        probes_seqno = first_frame_seqno();
        version++;
    }
    if (again || of_epoch != ofctrl_epoch()) {
        of_epoch = ofctrl_epoch();
        ofctrl_put(&flow_table, version, connected);
        VLOG_DBG("flows, version %"PRIu64": computed and sent in %lld us",
                 version, time_usec() - begun);
    }
}

/* Flows of networks with on_database_loss=closed have a time-out and live only
 * as long as the database's session. */
static void
renew(const struct dts_view *view, bool connected)
{
    long long int now = time_msec();
    const struct dts_network *n;

    any_closed = false;
    if (view->self->roles & DTS_ROLE_GATEWAY) {
        HMAP_FOR_EACH (n, hmap_node, &view->networks) {
            any_closed |= n->closed_on_database_loss;
        }
    }
    if (any_closed && connected && (!last_connected || now >= renew_at)) {
        ofctrl_renew(&flow_table);
        renew_at = now + MAX(500, view->timers.lease / 4);
    }
    last_connected = connected;
}

static void
packet_in(uint64_t cookie)
{
    first_frame_packet_in(cookie, &callbacks);
}

void
switch_set_blocked(const struct sset *domains)
{
    if (!sset_equals(&blocked, domains)) {
        sset_destroy(&blocked);
        sset_clone(&blocked, domains);
        blocked_changed = true;
    }
}

void
switch_set_gives_up(bool gives_up)
{
    ovs_ports_set_path_down(gives_up);
}

void
switch_inject(const struct dts_domain *d, const struct dp_packet *packet)
{
    uint64_t stub[32];
    struct ofpbuf acts = OFPBUF_STUB_INITIALIZER(stub);

    if (!current || !d->network
        || !dts_domain_runs_here(current, d, &blocked)) {
        return;
    }
    ovs_be32 key = htonl(d->network->key);
    ofpact_put_set_field(&acts, mf_from_id(MFF_REG0), &key, NULL);
    struct ofpact_resubmit *r = ofpact_put_RESUBMIT(&acts);
    r->in_port = OFPP_IN_PORT;
    r->table_id = DTS_T_UPLINK;
    ofctrl_inject(dp_packet_data(packet), dp_packet_size(packet),
                  dts_ports_find_vif(&ports, d), &acts);
    ofpbuf_uninit(&acts);
}

void
switch_format_status(struct ds *ds)
{
    const struct dts_set *set;

    ovs_local_format(ds);
    ofctrl_format(ds);
    revalidate_format(ds);
    fences_format(ds);
    if (current && current->self->roles & DTS_ROLE_GATEWAY) {
        HMAP_FOR_EACH (set, hmap_node, &sets.sets) {
            ds_put_format(ds, "set %"PRIu32": %"PRIuSIZE" domains at %s%s%s"
                          "%s\n", set->id, set->n,
                          set->owner ? set->owner : "no node",
                          set->network ? ", network " : "",
                          set->network ? set->network : "",
                          set->closed ? ", closed without database" : "");
        }
    }
    if (flow_table.n_conflicts) {
        ds_put_format(ds, "warning: %u flows are wanted twice: an address or "
                      "a client port is given to two\n",
                      flow_table.n_conflicts);
    }
}

static int
compare_flows(const void *a_, const void *b_)
{
    const struct dts_flow *const *a = a_;
    const struct dts_flow *const *b = b_;

    return ((*a)->table != (*b)->table ? (*a)->table - (*b)->table
            : (*a)->priority != (*b)->priority
            ? (*b)->priority - (*a)->priority
            : (*a)->hash < (*b)->hash ? -1 : (*a)->hash > (*b)->hash);
}

/* One line a flow; those that the switch has not (yet) are marked "+". */
void
switch_format_flows(struct ds *ds)
{
    size_t n = hmap_count(&flow_table.flows), i = 0;
    const struct dts_flow **flows = xmalloc(n * sizeof *flows);
    struct dts_flow_entry *f;
    struct dts_group_entry *g;

    HMAP_FOR_EACH (f, hmap_node, &flow_table.flows) {
        flows[i++] = f->flow;
    }
    qsort(flows, n, sizeof *flows, compare_flows);
    for (i = 0; i < n; i++) {
        ds_put_cstr(ds, ofctrl_has(flows[i]) ? " " : "+");
        dts_flow_format(flows[i], ds);
        ds_put_char(ds, '\n');
    }
    free(flows);
    HMAP_FOR_EACH (g, hmap_node, &flow_table.groups) {
        ds_put_char(ds, ' ');
        dts_group_format(g->group, ds);
        ds_put_char(ds, '\n');
    }
}
