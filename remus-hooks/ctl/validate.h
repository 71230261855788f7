/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CTL_VALIDATE_H
#define DTS_CTL_VALIDATE_H 1

/* What the schema cannot say.  Each function looks at one row, as it is in the
 * running transaction, and returns NULL or the first thing that is wrong with
 * it (to be freed), with the exit code for it in '*code'. */

#include "dts-idl.h"

struct svec;

char *validate_global(const struct dtsrec_global *, int *code);
char *validate_node(const struct ovsdb_idl *, const struct dtsrec_node *,
                    int *code);
char *validate_tunnel(const struct ovsdb_idl *, const struct dtsrec_tunnel *,
                      int *code);
char *validate_network(const struct ovsdb_idl *,
                       const struct dtsrec_network *, int *code);
char *validate_domain(const struct ovsdb_idl *, const struct dtsrec_domain *,
                      int *code);

/* All rows: adds what is wrong to 'problems'. */
void validate_all(const struct ovsdb_idl *, struct svec *problems);

#endif /* validate.h */
