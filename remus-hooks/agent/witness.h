/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_WITNESS_H
#define DTS_WITNESS_H 1

/* Asking the witness.  (A row that merely says "down" may be stale, so a
 * question carries a nonce and only an answer to that nonce counts.) */

#include "binding.h"

struct dts_domain;

/* One round: nodes that are not asked about between the two are suspected no
 * more. */
void witness_begin(void);
void witness_end(void);

/* The witness's name for 'd', NULL if it has none. */
const char *witness_of(const struct dts_domain *);
void witness_ask(const struct dts_domain *);
const char *witness_nonce(const char *about);
void witness_read(const struct dts_domain *, enum witness_answer *owner,
                  enum witness_answer *self);
/* How long 'by' has suspected this node, in ms; 0: it does not. */
long long int witness_suspected_ms(const char *by);

#endif /* witness.h */
