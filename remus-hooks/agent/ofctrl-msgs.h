/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_OFCTRL_MSGS_H
#define DTS_OFCTRL_MSGS_H 1

/* The OpenFlow messages of ofctrl.c. */

#include <stdbool.h>
#include <stdint.h>

struct dts_flow;
struct dts_group;
struct hmap;
struct ofp_header;
struct ofpbuf;

struct ofpbuf *ofctrl_encode_dump_flows(void);
struct ofpbuf *ofctrl_encode_dump_groups(void);
struct ofpbuf *ofctrl_encode_count_flows(void);
/* Adds what a reply has to 'flows' or 'groups'; false if it is malformed. */
bool ofctrl_decode_flows(struct ofpbuf *msg, struct hmap *flows);
bool ofctrl_decode_groups(struct ofpbuf *msg, struct hmap *groups);

bool ofctrl_decode_count(const struct ofp_header *, uint32_t *n);

struct ofpbuf *ofctrl_encode_flow(const struct dts_flow *, bool add);
struct ofpbuf *ofctrl_encode_group(const struct dts_group *, int command);
struct ofpbuf *ofctrl_encode_bundle(uint32_t id, bool open);
struct ofpbuf *ofctrl_encode_bundle_add(uint32_t id, const struct ofpbuf *);

/* Equal on the wire. */
bool ofctrl_same_flow(const struct dts_flow *, const struct dts_flow *);
bool ofctrl_same_group(const struct dts_group *, const struct dts_group *);

#endif /* ofctrl-msgs.h */
