/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_VIF_H
#define DTS_VIF_H 1

struct conn;
struct json;

/* Answers the vif program (docs/protocol.md, method `vif`), perhaps later. */
void vif_request(struct conn *, const struct json *id,
                 const struct json *params);

#endif /* vif.h */
