/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_TEST_FLOW_BED_H
#define DTS_TEST_FLOW_BED_H 1

/* A small system (servers A and B, gateway gw1, domains voip at A and mail at
 * B in one network) whose flows are computed and tried with frames. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow-table.h"
#include "flow.h"
#include "flows.h"
#include "sets.h"
#include "simap.h"
#include "sset.h"
#include "view.h"

#define KEY 10
#define MAC1 "00:16:3e:00:00:01"
#define MAC2 "00:16:3e:00:00:02"
#define CLIENT "02:00:00:00:00:99"
#define BROADCAST "ff:ff:ff:ff:ff:ff"
enum { P_CLIENT = 1, P_VIF1 = 21, P_VIF2 = 22, P_STRANGER = 23,
       P_A = 1001, P_B = 1002, P_GW = 1003, P_T1 = 20002, P_REPL = 5,
       P_PORT = 30010 };

struct fixture {
    struct dts_view *view;
    struct dts_network *network;
    struct dts_domain *voip, *mail;     /* At A and at B. */
    struct dts_ports ports;
    struct dts_sets sets;
    struct dts_flow_table table;
    struct hmap flows, groups;  /* A switch that is told of changes only. */
    struct sset blocked;
    struct simap probes;
};

/* As node 'self'; 'gw_roles' are gw1's. */
void bed_init(struct fixture *, const char *self, unsigned int gw_roles,
              const char *client_port);
void bed_uninit(struct fixture *);
/* For cmocka: gw1's and A's view. */
int bed_setup_gateway(void **state);
int bed_setup_server(void **state);
int bed_teardown(void **state);

void bed_set(char **field, const char *value);
struct dts_domain *add_domain(struct fixture *, const char *name,
                                  const char *address, const char *owner,
                                  const char *standby);
void bed_move(struct dts_domain *, const char *owner, const char *standby,
              enum dts_state);
/* Brings the table up to date; returns how many flows and groups changed. */
size_t bed_compute(struct fixture *);
/* The same when nothing but these domains has changed (NULL: anything). */
size_t bed_compute_changed(struct fixture *, const struct sset *changed);
/* Fails unless the table is the one that the same sets and view give anew. */
void bed_check_fresh(struct fixture *);

/* Frames. */
struct flow frame(unsigned int in_port, uint64_t tun_id, const char *src,
                      const char *dst);
struct flow ip4(struct flow, const char *src);
struct flow arp(struct flow, const char *spa);
struct flow ip6(struct flow, const char *src);
struct flow nd(struct flow, int type, const char *src, const char *target);

/* Fails unless a frame goes to the ports 'expected' (walk_to_string()). */
void bed_check(struct fixture *, struct flow, const char *expected, bool ids,
               int line);

#endif /* flow-bed.h */
