/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_IPSEC_H
#define DTS_IPSEC_H 1

/* Encrypted tunnels: see ipsec.c.  Internal to the switch side of the agent
 * but for ipsec_set_pki(). */

#include <stdbool.h>

struct ds;
struct ovsrec_open_vswitch;
struct pki;
struct sset;

/* The certificate by which this node's tunnels are encrypted. */
void ipsec_set_pki(const struct pki *);
void ipsec_destroy(void);
/* True if what 'guards' names (xfrm-guard.h) is refused in the clear now. */
bool ipsec_guard(const struct sset *guards);
/* Returns true if what ipsec_guard() says has changed. */
bool ipsec_run(void);
void ipsec_wait(void);
/* Tells Open vSwitch's IPsec daemon the certificate, if 'any' tunnel is
 * encrypted.  Returns true if that is a change. */
bool ipsec_write(const struct ovsrec_open_vswitch *, bool any);
void ipsec_format(struct ds *);

#endif /* ipsec.h */
