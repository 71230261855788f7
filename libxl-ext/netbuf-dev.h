/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMUS_NETBUF_DEV_H
#define REMUS_NETBUF_DEV_H 1

/* The devices, the plug and the filters of one vif's buffer: see
 * netbuf-dev.c. */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "plug.h"
#include "realtime.h"

struct nl_msg;
struct nl_sock;

struct netbuf_dev {
    unsigned int domid, devid;
    char vif[IFNAMSIZ];         /* As it is called now. */
    char hold[IFNAMSIZ];        /* "dtsaDOMID.DEVID": the plug is its root. */
    char port[IFNAMSIZ];        /* "dtsbDOMID.DEVID": in the vif's place. */
    int vif_index, hold_index, port_index;      /* 0: not there. */
};

/* What handle the plug has, and where a vif's filters are. */
#define NETBUF_PLUG_HANDLE 0x0d750000
#define NETBUF_FILTERS 0xfffffff2       /* Ingress of clsact. */
/* The filters of class I have the preferences FIRST + 2 * I (IPv4) and one
 * more (IPv6); what catches all the rest has LAST. */
#define NETBUF_PREF_FIRST 100
#define NETBUF_PREF_LAST 60000

/* Names only.  'vif' NULL: as netback calls it.  False: no such device. */
bool netbuf_dev_init(struct netbuf_dev *, unsigned int domid,
                     unsigned int devid, const char *vif);
/* "dtsa5.0", "dtsb5.0": false if 'name' is another. */
bool netbuf_dev_parse(const char *name, unsigned int *domid,
                      unsigned int *devid);

/* NULL or an error, to be freed. */
char *netbuf_sock_open(struct nl_sock **);
void netbuf_sock_close(struct nl_sock *);

/* Each can be repeated.  NULL or an error, to be freed. */
char *netbuf_dev_look(struct nl_sock *, struct netbuf_dev *);
/* The pair, the plug (letting all pass), and the way back to the guest. */
char *netbuf_dev_prepare(struct nl_sock *, struct netbuf_dev *, size_t limit);
/* From now on what the guest sends goes into the buffer. */
char *netbuf_dev_redirect(struct nl_sock *, struct netbuf_dev *,
                          const struct remus_class[], size_t n_classes);
char *netbuf_dev_release_all(struct nl_sock *, struct netbuf_dev *);
char *netbuf_dev_unredirect(struct nl_sock *, struct netbuf_dev *);
/* What is still held is lost. */
char *netbuf_dev_remove(struct nl_sock *, struct netbuf_dev *);

/* The request that tells the plug 'op'.  NULL without memory. */
struct nl_msg *netbuf_plug_request(const struct netbuf_dev *, enum plug_op op);

#endif /* netbuf-dev.h */
