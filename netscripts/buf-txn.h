/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BUF_TXN_H
#define BUF_TXN_H 1

/* A buffer's port in its vif's place in Open vSwitch, and back: requests to its
 * database and what the answers mean.  Pure. */

#include <stdbool.h>
#include <stddef.h>
#include "openvswitch/json.h"

#define BUF_MAX 16              /* vifs at once. */

enum buf_op {
    BUF_INSERT,                 /* The port for the vif. */
    BUF_REMOVE,                 /* The vif for the port. */
    BUF_CUT,                    /* Neither. */
};

/* "vif5.0=dtsb5.0". */
struct buf_pair {
    const char *vif, *port;
    bool vif_exists;            /* The device. */

    /* What is in the database, if anything. */
    char *vif_uuid, *port_uuid, *emu_uuid;
    struct json *row, *iface;   /* Of the one that gives its place. */
    /* The device that gets a port, for which ovs-vswitchd is waited for;
     * NULL: none does. */
    const char *plugs;
};
void buf_pair_uninit(struct buf_pair *);

struct json *buf_txn_look(const struct buf_pair[], size_t n);
/* Fills in the pairs from the answer.  NULL or an error, to be freed. */
char *buf_result_look(const struct json *result, enum buf_op,
                      struct buf_pair[], size_t n);
/* NULL if there is nothing to do. */
struct json *buf_txn_change(enum buf_op, struct buf_pair[], size_t n);
/* Was everything as it had been looked at?  '*again': it was not. */
char *buf_result_change(const struct json *result, bool *again);

#endif /* buf-txn.h */
