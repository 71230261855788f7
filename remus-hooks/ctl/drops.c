/* SPDX-License-Identifier: Apache-2.0 */

/* `dts-ctl drops`: what this node's switch has refused, and why.
 *
 * Every table of the agent's has a flow of its own for what it lets not
 * through, so the switch counts by itself; the counts are asked for when
 * somebody wants to know, and cost nothing on the path of the frames.  They
 * begin anew with the switch, and, for addresses, with the domain. */

#include <config.h>
#include "drops.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "ctl.h"
#include "dirs.h"
#include "flows.h"
#include "openvswitch/json.h"
#include "openvswitch/match.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/vconn.h"
#include "socket-util.h"
#include "util.h"

#define TIMEOUT_MS 5000

static const struct reason {
    uint8_t table;
    const char *name;           /* For programs. */
    const char *text;
} reasons[] = {
    { DTS_T_CLASSIFY, "port", "by a port that is none of ours, or a VLAN "
      "that is none of its" },
    { DTS_T_TUNNEL, "key", "from a tunnel, of no network of this node" },
    { DTS_T_SOURCE, "tunnel-address", "from a tunnel, with an address that "
      "is no domain's, or not that domain's" },
    { DTS_T_SOURCE6, "tunnel-address6", "the same by IPv6" },
    { DTS_T_ADMIT, "not-owner", "from the tunnel of a node that does not own "
      "the domain" },
    { DTS_T_CLIENT, "client", "from a client port, with a domain's address" },
    { DTS_T_VIF, "guest", "from a guest here that may not run here, or with "
      "an address that is not its own" },
    { DTS_T_VIF6, "guest-address6", "the same by IPv6" },
    { DTS_T_DEST, "destination", "to nobody who is here" },
    { DTS_T_UPLINK, "uplink", "from a guest here, to no gateway" },
    { DTS_T_DELIVER, "deliver", "to no guest here" },
};

struct drops {
    uint64_t n[ARRAY_SIZE(reasons)];
    char *error;
};

static void
count(struct drops *drops, const char *bridge)
{
    char *name = xasprintf("unix:%s/%s.mgmt", ovs_rundir(), bridge);
    struct ofputil_flow_stats_request fsr = {
        .out_port = OFPP_ANY,
        .out_group = OFPG_ANY,
        .table_id = OFPTT_ALL,
    };
    struct ofputil_flow_stats *flows = NULL;
    struct vconn *vconn = NULL;
    size_t n = 0;

    match_init_catchall(&fsr.match);
    int error = vconn_open_block(name, 1u << OFP15_VERSION, DSCP_DEFAULT,
                                 TIMEOUT_MS, &vconn);
    if (!error) {
        error = vconn_dump_flows(vconn, &fsr, OFPUTIL_P_OF15_OXM, &flows, &n);
    }
    if (error) {
        drops->error = xasprintf("%s: %s: does ovs-vswitchd run, and the "
                                 "agent, which makes the bridge?", name,
                                 ovs_retval_to_string(error));
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < ARRAY_SIZE(reasons); j++) {
            if (!flows[i].ofpacts_len
                && reasons[j].table == flows[i].table_id) {
                drops->n[j] += flows[i].packet_count;
            }
        }
        free(CONST_CAST(struct ofpact *, flows[i].ofpacts));
    }
    free(flows);
    vconn_close(vconn);
    free(name);
}

void
cmd_drops(struct ctl_context *ctx)
{
    char *bridge = local_ovs_external_id("dts-bridge", 2000);
    struct drops drops = { .error = NULL };

    count(&drops, bridge ? bridge : "br-dts");
    free(bridge);
    if (fail_if(ctx, DTS_EXIT_REFUSED, drops.error)) {
        return;
    }
    if (settings.json) {
        struct json *json = json_object_create();

        for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
            json_object_put(json, reasons[i].name,
                            json_integer_create(drops.n[i]));
        }
        json_to_ds(json, settings.json_flags, &ctx->output);
        ds_put_char(&ctx->output, '\n');
        json_destroy(json);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
        if (drops.n[i]) {
            ds_put_format(&ctx->output, "%10"PRIu64"  %-16s %s\n",
                          drops.n[i], reasons[i].name, reasons[i].text);
        }
    }
    if (!ctx->output.length) {
        ds_put_cstr(&ctx->output, "nothing was dropped\n");
    }
}
