/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_OFCTRL_H
#define DTS_OFCTRL_H 1

/* The OpenFlow connection to the bridge: see ofctrl.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ds;
struct dts_flow_table;
struct ofpbuf;

/* 'packet_in' is called for each frame that a flow sent to the controller,
 * with that flow's cookie. */
void ofctrl_init(void (*packet_in)(uint64_t cookie));
void ofctrl_destroy(void);

/* Receives; connects to 'bridge' (NULL: to none). */
void ofctrl_run(const char *bridge);
void ofctrl_wait(void);

/* Brings the switch to what 't' says.  'version' is acknowledged when all of
 * it is in force.  With 'lease_ok' false no flow with a time-out is added. */
void ofctrl_put(struct dts_flow_table *t, uint64_t version, bool lease_ok);
/* Adds the flows with a time-out again. */
void ofctrl_renew(const struct dts_flow_table *t);

/* The highest version in force, 0 if the switch is not known to be as wanted;
 * '*when' is set to the time of its barrier's reply (monotonic, us). */
uint64_t ofctrl_acked(long long int *when);
bool ofctrl_is_synced(void);
/* Counts connections and complete comparisons; changes with each. */
unsigned int ofctrl_epoch(void);

/* Makes the switch validate its caches once more. */
void ofctrl_tick(void);

/* Sends 'packet' as if from port 'in_port' (0: none) through 'ofpacts'. */
void ofctrl_inject(const void *packet, size_t size, unsigned int in_port,
                   const struct ofpbuf *ofpacts);

void ofctrl_format(struct ds *);
/* True if a flow of 't' is in force as far as is known. */
struct dts_flow;
bool ofctrl_has(const struct dts_flow *);

#endif /* ofctrl.h */
