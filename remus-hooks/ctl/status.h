/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CTL_STATUS_H
#define DTS_CTL_STATUS_H 1

/* The state of one domain, gathered from all tables, before it is written as
 * text or as JSON. */

#include "dts-idl.h"
#include "svec.h"
#include "timeline.h"

enum health { HEALTH_OK, HEALTH_WARN, HEALTH_FAIL };

/* One gateway's part. */
struct gateway_status {
    char *name;
    const int64_t *receipt;     /* Its generation; NULL: there is none yet. */
    bool confirmed;             /* Its flows are those of the binding. */
    const char *sees_owner, *sees_standby;  /* "up", "down", "unknown", and
                                             * "" without a row. */
};

struct domain_status {
    const struct dtsrec_domain *domain;
    const struct dtsrec_binding *binding;   /* NULL: there is none. */
    const struct dtsrec_network *network;   /* NULL: there is none. */
    enum health health;
    bool protected;
    struct svec conditions;     /* "NAME: TEXT". */
    const char *output;         /* The condition "output" without its name:
                                 * whether output leaves before its
                                 * checkpoint is held.  "" if not told. */
    char *reason;               /* Why (not) protected. */
    char *remedy;               /* What to do about it; "" if nothing. */
    long long int hold_down_left;       /* ms; 0: there is none. */
    int tunnel_in_service;      /* 2, 3, or 0: none (Algorithm 1). */
    const char *witness;        /* Name, "" if there is none. */
    struct gateway_status *gateways;
    size_t n_gateways;
    struct timeline last_switch;
};

void domain_status_init(struct domain_status *, const struct ovsdb_idl *,
                        const struct dtsrec_domain *);
void domain_status_uninit(struct domain_status *);

#endif /* status.h */
