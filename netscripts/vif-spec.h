/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VIF_SPEC_H
#define VIF_SPEC_H 1

/* What a vif is to be, as plain values: parsed from what libxl and xenstore
 * say, checked, and passed on.  Pure: no xenstore, no socket, no device. */

#include <stdbool.h>
#include <stddef.h>

/* "BRIDGE[.TAG][:TRUNK[:TRUNK...]]", the syntax of Xen's vif-openvswitch. */
struct vif_bridge {
    char *name;
    int tag;                    /* -1: none. */
    int *trunks;
    size_t n_trunks;
};

enum vif_op { VIF_ONLINE, VIF_OFFLINE, VIF_ADD, VIF_REMOVE };

struct vif_spec {
    enum vif_op op;
    bool tap;                   /* The emulated device's, not the vif itself. */
    unsigned int domid, devid;  /* From XENBUS_PATH. */
    char *xenbus;               /* The backend's path in xenstore. */
    char *kernel_name;          /* As netback or QEMU made it. */
    char *name;                 /* As it is to be called. */

    /* From xenstore; NULL: not told. */
    char *domain;               /* Name of the domain. */
    char *vm_uuid;
    char *mac;                  /* Lower case. */
    char *frontend;
    struct vif_bridge bridge;
    int mtu;                    /* 0: not told. */
};

/* Each returns NULL, or what is wrong as a string to be freed. */
char *vif_bridge_parse(const char *, struct vif_bridge *);
void vif_bridge_uninit(struct vif_bridge *);
char *vif_mac_parse(const char *, char **mac);
char *vif_mtu_parse(const char *, int *mtu);
char *vif_name_check(const char *name);
char *vif_uuid_check(const char *uuid);

/* What libxl tells: arguments, and the environment through 'env' (getenv).
 * Fills in all down to 'name' (equal to 'kernel_name' until vif_spec_rename).
 * '*ignore' is set when this call is not for the kind of device. */
char *vif_spec_init(struct vif_spec *, int argc, char *argv[],
                    char *(*env)(const char *), bool *ignore);
void vif_spec_uninit(struct vif_spec *);
/* 'vifname' of the configuration: the device is to be called so. */
char *vif_spec_rename(struct vif_spec *, const char *vifname);

bool vif_op_is_plug(enum vif_op);
const char *vif_op_to_string(enum vif_op);

/* The VLAN part of a bridge string, "" or "TAG:TRUNK..." (to be freed). */
char *vif_bridge_vlan(const struct vif_bridge *);
/* The domain's own name: without the "--incoming" of a copy (to be freed). */
char *vif_domain_name(const char *name);
/* A UUID for device 'devid' of the VM, the same on every host (xl keeps none):
 * of version 8, made from the VM's own.  NULL if 'vm_uuid' is none. */
char *vif_uuid(const char *vm_uuid, unsigned int devid);

#endif /* vif-spec.h */
