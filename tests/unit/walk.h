/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_TEST_WALK_H
#define DTS_TEST_WALK_H 1

/* A very small OpenFlow switch, to see what flows do rather than what they
 * look like. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "flow.h"

struct dts_flow_table;

struct walk_out {
    unsigned int port;
    uint64_t tun_id;
    int vlan;                   /* 0: untagged. */
};

struct walk {
    struct walk_out outs[64];
    size_t n;
    int to_controller;          /* How often. */
};

/* Sends a frame with headers 'flow' (its in_port is the OpenFlow port) through
 * the flows of 't', beginning in 'table'. */
void walk(const struct dts_flow_table *t, struct flow flow, uint8_t table,
          struct walk *);

/* "1", "2(10)", "3/100" ... in order of port, separated by blanks:
 * PORT[(TUN_ID)][/VLAN].  To be freed. */
char *walk_to_string(const struct walk *, bool tunnel_ids);

#endif /* walk.h */
