/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CTL_CHECK_H
#define DTS_CTL_CHECK_H 1

/* `dts-ctl check`: the pre-flight of this node.
 *
 * Each area is a function of its own that reports lines; a later one uses what
 * an earlier one found (which bridge, which node this is). */

#include "check-lines.h"
#include "ctl.h"

struct ovsrec_bridge;
struct ovsrec_interface;
struct ovsrec_open_vswitch;

struct check {
    bool repair;
    struct check_lines lines;

    /* check-ovs.c */
    struct ovsdb_idl *ovs;              /* NULL: it does not answer. */
    const struct ovsrec_bridge *bridge; /* NULL: there is none. */
    char *bridge_name;                  /* "br-dts" by default. */
    char *node;                         /* dts-node; NULL: not set. */
    char *remote;                       /* The database's; NULL: none. */
    char *encap_ip;                     /* dts-encap-ip; NULL: not set. */
    char *encap_type;                   /* dts-encap-type; the same. */
    bool userspace;                     /* datapath_type=netdev. */

    /* check-db.c */
    struct ovsdb_idl *dts;              /* NULL: it does not answer. */
    const struct dtsrec_node *self;     /* NULL: unknown there. */

    /* check-tunnels.c: tunnels that are to be encrypted, by outer family. */
    bool encrypted4, encrypted6;
};

void cmd_check(struct ctl_context *);
/* 'path' of this machine, below $DTS_CHECK_ROOT (for the tests); freed by the
 * caller. */
char *machine_path(const char *path);
/* Runs a program (no shell), waits for it; true if it ended with 0. */
bool run_program(const char *const argv[]);

/* Runs 'idl' until it has its data; false after 'timeout_ms'. */
bool wait_for_data(struct ovsdb_idl *, int timeout_ms);

/* A kernel module: there, or to be had (check-host.c). */
void check_module(struct check *, const char *module, const char *why,
                  enum check_level);
/* What to do for another certificate, to be freed (check-pki.c). */
char *make_new_certificate(const struct check *);
#ifdef HAVE_OPENSSL
/* What is in 'path', for X509_free(); NULL if that is no certificate
 * (pki-ctl.c). */
struct x509_st *read_certificate(const char *path);
#endif
/* The address from which the kernel sends to 'ip', to be freed; NULL if that
 * cannot be told (check-tunnels.c). */
char *source_of(const char *ip);
/* What is to be known of the encrypted tunnel of 'iface', which tells the IPsec
 * daemon of it (check-ipsec.c). */
void check_ipsec_tunnel(struct check *, const char *peer,
                        const struct ovsrec_interface *);

/* The areas. */
void check_ovs(struct check *);         /* check-ovs.c */
void check_database(struct check *);    /* check-db.c */
void check_access(struct check *);      /* check-access.c */
void check_tunnels(struct check *);     /* check-tunnels.c */
void check_ipsec(struct check *);       /* check-ipsec.c */
void check_pki(struct check *);         /* check-pki.c */
void check_host(struct check *);        /* check-host.c */

#endif /* check.h */
