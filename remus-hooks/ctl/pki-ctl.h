/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CTL_PKI_CTL_H
#define DTS_CTL_PKI_CTL_H 1

struct ctl_context;

/* Commands without the database (pki-ctl.c). */
void cmd_pki_init(struct ctl_context *);
void cmd_pki_install(struct ctl_context *);

#endif /* pki-ctl.h */
