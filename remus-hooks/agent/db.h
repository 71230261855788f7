/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_DB_H
#define DTS_DB_H 1

/* The agent's connection to the DTS database: the newest view, and writing.
 *
 * Writing is of two kinds.  A binding's step is a compare-and-set, sent as soon
 * as it is queued (all that are queued in one round go in one transaction).
 * All else (receipts, answers, events) is a wish that is repeated until the
 * database has it.  Nothing here blocks. */

#include <stdbool.h>
#include <stdint.h>
#include "binding.h"
#include "smap.h"
#include "view.h"

void db_init(const char *remote_override);
void db_destroy(void);
/* 'remote' and 'local' as configured in the local Open_vSwitch table; either
 * may change at any time. */
void db_run(const char *remote, const struct dts_view_local *local);
void db_flush(void);
void db_wait(void);

/* NULL until the database has been read once. */
const struct dts_view *db_view(void);
uint64_t db_cookie(void);       /* Changes with each new view. */
void db_reread(void);
bool db_is_connected(void);
/* Connected for long enough that the replica is surely current: the
 * connection is up before the first answer is. */
bool db_is_settled(void);
const char *db_remote(void);
const char *db_session(void);   /* Random, of this agent's start. */

/* One step of a binding. */
struct db_step {
    const struct dts_domain *d; /* Of the present view: what is waited on. */
    const struct binding_rule *rule;
    const char *session;        /* For SESSION_SET. */
    const char *detail;         /* Appended to the rule's cause; may be NULL. */
    const char *witness;        /* For needs_witness: the observer... */
    const char *nonce;          /* ...and what it has answered. */
    bool by_operator;           /* He has asked for it. */
};
void db_step(const struct db_step *);
bool db_step_in_flight(const char *domain);

/* The witness's rows. */
struct db_reach {
    enum dts_reach state;
    const char *answered;       /* Nonce that was answered to 'asker', "". */
    const char *diag;
};
bool db_get_reach(const char *observer, const char *subject,
                  const char *asker, struct db_reach *);
/* Adds those who ask the witness about 'about'. */
void db_get_askers(const char *about, struct sset *askers);

/* Wishes. */
void db_put_fence(const char *domain, int64_t generation,
                  long long int programmed_us, long long int fenced_us);
bool db_receipts_pending(void);
void db_put_reach(const char *subject, enum dts_reach, const char *diag);
/* Asks for (NULL: no longer) an answer about 'about'. */
void db_put_suspicion(const char *about, const char *nonce);
void db_put_node(const char *encap_ip, enum dts_encap,
                 const struct smap *status);
void db_put_condition(const char *domain, const char *name, bool set,
                      const char *text);

/* Forgets the wishes about domains and nodes that the view does not have, and
 * deletes the rows that this node wrote of them. */
void db_sweep(const struct dts_view *);

/* An operator's request that was made at 'generation' is over. */
void db_put_request_done(const char *domain, int64_t generation);

struct db_event {
    const char *domain;         /* "" if of none. */
    const char *type;
    int64_t generation;
    const char *message;
    const struct smap *phases;  /* Name to "REALTIME MONOTONIC", us; or NULL */
};
void db_put_event(const struct db_event *);

#endif /* db.h */
