/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_OF_CONN_H
#define DTS_OF_CONN_H 1

#include <stdint.h>

struct vconn;

/* Opens an OpenFlow connection to 'name' ("unix:FILE"), which may not be there
 * yet.  What is sent on it waits for vconn_run() and leaves in one piece.
 * Returns 0 or an errno value. */
int of_conn_open(const char *name, uint32_t allowed_versions,
                 struct vconn **);

#endif /* of-conn.h */
