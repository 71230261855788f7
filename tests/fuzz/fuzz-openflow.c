/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "flow-table.h"
#include "ofctrl-msgs.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"

/* Fuzz-sources: tests/fuzz/fake.c remus-hooks/agent/ofctrl-msgs.c
 * Fuzz-sources: remus-hooks/lib/flow-table.c
 * Fuzz-includes: remus-hooks/agent tests/fuzz
 * Fuzz-wrap: clock_gettime poll socket connect send recv
 *
 * Answers of a switch, OpenFlow 1.5 messages one after the other: its flows and
 * groups, as the agent compares them with what should be there.  What was read
 * can be sent, and reads as the same again. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_flow(const struct dts_flow *f)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    dts_flow_format(f, &ds);
    ds_destroy(&ds);
    ovs_assert(ofctrl_same_flow(f, f));
    ovs_assert(dts_flow_same_key(f, f));
    ofpbuf_delete(ofctrl_encode_flow(f, true));
    ofpbuf_delete(ofctrl_encode_flow(f, false));
}

static void
check_group(const struct dts_group *g)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    dts_group_format(g, &ds);
    ds_destroy(&ds);
    ovs_assert(ofctrl_same_group(g, g));
}

/* As ofctrl.c: handle(). */
static void
take_message(struct ofpbuf *msg, struct hmap *flows, struct hmap *groups)
{
    const struct ofp_header *oh = msg->data;
    enum ofptype type;
    uint32_t n;

    if (ofptype_decode(&type, oh)) {
        return;
    } else if (type == OFPTYPE_FLOW_STATS_REPLY) {
        ofctrl_decode_flows(msg, flows);
    } else if (type == OFPTYPE_GROUP_DESC_STATS_REPLY) {
        ofctrl_decode_groups(msg, groups);
    } else if (type == OFPTYPE_AGGREGATE_STATS_REPLY) {
        ofctrl_decode_count(oh, &n);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct hmap flows = HMAP_INITIALIZER(&flows);
    struct hmap groups = HMAP_INITIALIZER(&groups);
    const struct dts_flow_entry *f;
    const struct dts_group_entry *g;

    fake_init();
    while (n >= sizeof(struct ofp_header)) {
        size_t len = MIN(MAX(data[2] << 8 | data[3],
                             sizeof(struct ofp_header)), n);
        struct ofpbuf *msg = ofpbuf_clone_data(data, len);
        struct ofp_header *oh = msg->data;

        oh->version = OFP15_VERSION;
        oh->length = htons(len);
        take_message(msg, &flows, &groups);
        ofpbuf_delete(msg);
        data += len;
        n -= len;
    }
    HMAP_FOR_EACH (f, hmap_node, &flows) {
        check_flow(f->flow);
    }
    HMAP_FOR_EACH (g, hmap_node, &groups) {
        check_group(g->group);
    }
    dts_flows_clear(&flows, &groups);
    hmap_destroy(&flows);
    hmap_destroy(&groups);
    return 0;
}
