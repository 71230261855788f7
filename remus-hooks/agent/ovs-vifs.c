/* SPDX-License-Identifier: Apache-2.0 */

/* Guests' interfaces, and the marks of generations seen.
 *
 * A guest's vif is a port of the bridge like any other; who it is stands in
 * its external_ids, in the keys that Xen's scripts and Open vSwitch use.
 * What is asked for here is kept until a transaction with it has been
 * committed; a new vif has no flow, so it starts cut off.
 *
 * While a guest's output is buffered, its vif is no port: the buffer's port
 * (remus-netbuf-dts, libxl-ext/netbuf-dev.c) stands in its place, with the same
 * external_ids, and so with the same flows; "dts-buffer-of" in them names the
 * vif.  Such a port goes when the vif does, and is left alone when the vif is
 * plugged again.
 *
 * Invariant 6's marks (the highest generation and session seen of each domain)
 * are in external_ids of the bridge: they survive the agent and change with
 * the switch that they guard.  They are kept in memory too and written again
 * should the bridge be deleted. */

#include <config.h>

#include "ovs-local.h"

#include <stdlib.h>
#include <string.h>

#include "lib/vswitch-idl.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovsdb-idl.h"
#include "smap.h"
#include "sset.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ovs_vifs);

#define SEEN "dts-seen-"
/* ovs-vswitchd goes through its whole configuration whenever the database
 * changes: marks wait until the switch that they tell of is over. */
#define MARKS_MS 250
#define MAX_MARKS_MS 5000       /* However long that takes. */

struct request {
    struct ovs_list list_node;
    bool plug;
    bool sent;                  /* In the transaction under way. */
    char *error;
    unsigned int domid;
    char *name, *mac, *iface_id, *vm_id, *domain, *bridge, *vlan;
    int mtu;
    void (*done)(const char *error, void *aux);
    void *aux;
};

static struct ovs_list requests = OVS_LIST_INITIALIZER(&requests);
static struct smap seen = SMAP_INITIALIZER(&seen);      /* By domain. */
static struct sset unwritten = SSET_INITIALIZER(&unwritten);
static long long int marks_at;  /* When those are to be written: ms. */
static long long int marks_since; /* When the first was set; 0: they are not to
                                   * be put off. */
static struct sset swept = SSET_INITIALIZER(&swept);    /* To be deleted. */

static void
request_free(struct request *r)
{
    free(r->error);
    free(r->name);
    free(r->mac);
    free(r->iface_id);
    free(r->vm_id);
    free(r->domain);
    free(r->bridge);
    free(r->vlan);
    free(r);
}

void
ovs_vifs_destroy(void)
{
    struct request *r;

    LIST_FOR_EACH_POP (r, list_node, &requests) {
        request_free(r);
    }
    smap_destroy(&seen);
    smap_init(&seen);
    sset_destroy(&unwritten);
    sset_init(&unwritten);
    sset_destroy(&swept);
    sset_init(&swept);
}

static struct request *
request_add(const char *name, bool plug,
            void (*done)(const char *error, void *aux), void *aux)
{
    struct request *r = xzalloc(sizeof *r);

    r->name = xstrdup(name);
    r->plug = plug;
    r->done = done;
    r->aux = aux;
    ovs_list_push_back(&requests, &r->list_node);
    ovs_local_kick();
    return r;
}

void
switch_vif_plug(const struct switch_vif *v,
                void (*done)(const char *error, void *aux), void *aux)
{
    struct request *r = request_add(v->name, true, done, aux);

    r->domid = v->domid;
    r->mac = nullable_xstrdup(v->mac);
    r->iface_id = nullable_xstrdup(v->iface_id);
    r->vm_id = nullable_xstrdup(v->vm_id);
    r->domain = nullable_xstrdup(v->domain);
    r->bridge = v->bridge && v->bridge[0] ? xstrdup(v->bridge) : NULL;
    r->vlan = v->vlan && v->vlan[0] ? xstrdup(v->vlan) : NULL;
    r->mtu = v->mtu;
}

void
switch_vif_unplug(const char *name,
                  void (*done)(const char *error, void *aux), void *aux)
{
    request_add(name, false, done, aux);
}

static void
add_id(struct smap *ids, const char *key, const char *value)
{
    if (value && value[0]) {
        smap_replace(ids, key, value);
    }
}

/* "5", "5:10:20" or ":10:20": tag and trunks. */
static void
set_vlan(const struct ovsrec_port *port, const char *vlan)
{
    int64_t tag, trunks[64];
    size_t n_trunks = 0;
    char *copy = xstrdup(vlan ? vlan : "");
    char *save = copy;
    char *first = strsep(&save, ":");
    char *s;
    bool has_tag = first && first[0];

    tag = has_tag ? atoi(first) : 0;
    while ((s = strsep(&save, ":")) && n_trunks < ARRAY_SIZE(trunks)) {
        trunks[n_trunks++] = atoi(s);
    }
    ovsrec_port_set_tag(port, &tag, has_tag);
    ovsrec_port_set_trunks(port, trunks, n_trunks);
    /* With both, OVS would take the port for an access port. */
    ovsrec_port_set_vlan_mode(port, has_tag && n_trunks ? "native-untagged"
                                    : NULL);
    free(copy);
}

/* The port of the buffer that stands in the place of the vif 'name', or NULL. */
static const struct ovsrec_port *
find_buffer(struct ovsdb_idl *idl, const char *name)
{
    const struct ovsrec_interface *iface;

    OVSREC_INTERFACE_FOR_EACH (iface, idl) {
        const char *of = smap_get(&iface->external_ids, "dts-buffer-of");

        if (of && !strcmp(of, name)) {
            return ovs_local_find_port(iface->name);
        }
    }
    return NULL;
}

static void
remove_port(const struct ovsrec_port *port)
{
    const struct ovsrec_bridge *br = port ? ovs_local_bridge_of(port) : NULL;

    if (br) {
        ovsrec_bridge_update_ports_delvalue(br, port);
    }
}

/* True if the vif's buffer has its place in the bridge.  A buffer of an earlier
 * domain's vif of that name is taken out. */
static bool
is_buffered(const struct request *r, struct ovsdb_idl *idl)
{
    const struct ovsrec_port *buffer = find_buffer(idl, r->name);
    char *ours = xasprintf("dtsb%u.", r->domid);
    bool buffered = buffer && !strncmp(buffer->name, ours, strlen(ours));

    if (!buffered) {
        remove_port(buffer);
    }
    free(ours);
    return buffered;
}

static void
plug(struct request *r, struct ovsdb_idl *idl, struct ovsdb_idl_txn *txn,
     const struct ovsrec_bridge *ours)
{
    const struct ovsrec_bridge *br
        = !r->bridge || !strcmp(r->bridge, ours->name)
          ? ours : ovs_local_find_bridge(r->bridge);
    const struct ovsrec_port *port = ovs_local_find_port(r->name);
    const struct ovsrec_interface *iface;

    if (!br) {
        r->error = xasprintf("there is no Open vSwitch bridge %s: ovs-vsctl "
                             "add-br %s, or write bridge=%s", r->bridge,
                             r->bridge, ours->name);
        return;
    }
    if (is_buffered(r, idl)) {
        return;
    }
    if (port && port->n_interfaces) {
        const struct ovsrec_bridge *now = ovs_local_bridge_of(port);
        if (now && now != br) {
            ovsrec_bridge_update_ports_delvalue(now, port);
        }
        if (now != br) {
            ovsrec_bridge_update_ports_addvalue(br, port);
        }
        iface = port->interfaces[0];
    } else {
        struct ovsrec_interface *new_iface = ovsrec_interface_insert(txn);
        ovsrec_interface_set_name(new_iface, r->name);
        struct ovsrec_port *new = ovsrec_port_insert(txn);
        ovsrec_port_set_name(new, r->name);
        ovsrec_port_set_interfaces(new, &new_iface, 1);
        ovsrec_bridge_update_ports_addvalue(br, new);
        port = new;
        iface = new_iface;
    }

    struct smap ids;
    smap_clone(&ids, &iface->external_ids);
    add_id(&ids, "attached-mac", r->mac);
    add_id(&ids, "iface-id", r->iface_id);
    add_id(&ids, "iface-status", "active");
    add_id(&ids, "xs-vif-uuid", r->iface_id);
    add_id(&ids, "xs-vm-uuid", r->vm_id);
    add_id(&ids, "vm-id", r->vm_id);
    add_id(&ids, "xen-vm-uuid", r->vm_id);
    add_id(&ids, "xen-vm-name", r->domain);
    add_id(&ids, "dts-domain", r->domain);
    ovsrec_interface_set_external_ids(iface, &ids);
    smap_destroy(&ids);
    set_vlan(port, r->vlan);
    if (r->mtu) {
        int64_t mtu = r->mtu;
        ovsrec_interface_set_mtu_request(iface, &mtu, 1);
    }
}

void
ovs_vifs_write(struct ovsdb_idl *idl, struct ovsdb_idl_txn *txn,
               const struct ovsrec_bridge *br)
{
    const char *domain;
    struct request *r;

    LIST_FOR_EACH (r, list_node, &requests) {
        r->sent = true;
        /* A name that is asked for twice counts once, as asked for last. */
        struct request *later = r;
        bool superseded = false;
        LIST_FOR_EACH_CONTINUE (later, list_node, &requests) {
            superseded |= !strcmp(later->name, r->name);
        }
        if (superseded) {
            continue;
        }
        if (r->plug) {
            plug(r, idl, txn, br);
        } else {
            remove_port(ovs_local_find_port(r->name));
            remove_port(find_buffer(idl, r->name));
        }
    }

    if (ovs_vifs_marks_due()) {
        SSET_FOR_EACH (domain, &unwritten) {
            char *key = xasprintf(SEEN"%s", domain);
            ovsrec_bridge_update_external_ids_setkey(br, key,
                                                     smap_get(&seen, domain));
            free(key);
        }
        sset_clear(&unwritten);
    }

    const char *next;
    SSET_FOR_EACH_SAFE (domain, next, &swept) {
        char *key = xasprintf(SEEN"%s", domain);
        if (smap_get(&br->external_ids, key)) {
            ovsrec_bridge_update_external_ids_delkey(br, key);
        } else {
            sset_delete(&swept, SSET_NODE_FROM_NAME(domain));
        }
        free(key);
    }
}

void
ovs_vifs_done(bool again, const char *error)
{
    struct ovs_list finished = OVS_LIST_INITIALIZER(&finished);
    struct request *r;

    if (again || error) {
        ovs_vifs_lost_marks();
    }
    LIST_FOR_EACH_SAFE (r, list_node, &requests) {
        if (!r->sent) {
            continue;
        }
        r->sent = false;
        if (!again) {
            ovs_list_remove(&r->list_node);
            ovs_list_push_back(&finished, &r->list_node);
        }
    }
    LIST_FOR_EACH_POP (r, list_node, &finished) {
        r->done(r->error ? r->error : error, r->aux);
        request_free(r);
    }
}

bool
switch_get_seen(const char *domain, int64_t *generation, char **session)
{
    const char *s = smap_get(&seen, domain);
    struct switch_config c;
    long long int g;
    int n = 0;

    if (!s && switch_get_config(&c)) {
        const struct ovsrec_bridge *br = ovs_local_find_bridge(c.bridge);
        char *key = xasprintf(SEEN"%s", domain);
        s = br ? smap_get(&br->external_ids, key) : NULL;
        free(key);
        if (s) {
            smap_replace(&seen, domain, s);
            s = smap_get(&seen, domain);
        }
    }
    if (!s || !ovs_scan(s, "%lld%n", &g, &n)) {
        return false;
    }
    *generation = g;
    *session = xstrdup(s[n] ? s + n + 1 : "");
    return true;
}

void
switch_set_seen(const char *domain, int64_t generation, const char *session)
{
    char *value = xasprintf("%"PRId64" %s", generation, session);

    smap_replace(&seen, domain, value);
    free(value);
    if (!generation) {          /* An operator's order is carried out now. */
        marks_at = time_msec();
        marks_since = 0;
    } else if (sset_is_empty(&unwritten)) {
        marks_since = time_msec();
        marks_at = marks_since + MARKS_MS;
    }
    sset_add(&unwritten, domain);
    sset_find_and_delete(&swept, domain);
}

void
switch_put_off_marks(void)
{
    if (marks_since) {
        marks_at = MAX(marks_at, MIN(time_msec() + MARKS_MS,
                                     marks_since + MAX_MARKS_MS));
    }
}

bool
ovs_vifs_marks_due(void)
{
    return !sset_is_empty(&unwritten) && time_msec() >= marks_at;
}

void
ovs_vifs_marks_wait(void)
{
    if (!sset_is_empty(&unwritten)) {
        poll_timer_wait_until(marks_at);
    }
}

void
switch_sweep_seen(const struct dts_view *view, void (*cb)(const char *domain))
{
    const struct smap_node *node;
    struct switch_config c;
    const struct ovsrec_bridge *br
        = switch_get_config(&c) ? ovs_local_find_bridge(c.bridge) : NULL;

    if (!br) {
        return;
    }
    SMAP_FOR_EACH (node, &br->external_ids) {
        const char *domain = node->key + strlen(SEEN);
        long long int g;

        if (!strncmp(node->key, SEEN, strlen(SEEN))
            && !dts_view_find_domain(view, domain)
            && !sset_contains(&swept, domain)
            && ovs_scan(node->value, "%lld", &g) && g <= view->generation) {
            VLOG_INFO("domain %s is deleted: its mark (generation %lld) goes",
                      domain, g);
            sset_add(&swept, domain);
            sset_find_and_delete(&unwritten, domain);
            smap_remove(&seen, domain);
            cb(domain);
        }
    }
    if (!sset_is_empty(&swept)) {
        ovs_local_kick();
    }
}

/* The bridge is a new one. */
void
ovs_vifs_lost_marks(void)
{
    struct smap_node *node;

    SMAP_FOR_EACH (node, &seen) {
        sset_add(&unwritten, node->key);
    }
    marks_at = time_msec();
    marks_since = 0;
}
