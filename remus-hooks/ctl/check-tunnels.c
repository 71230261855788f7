/* SPDX-License-Identifier: Apache-2.0 */

/* `dts-ctl check`: the tunnels that this node should have, as the agent made
 * them: are they there, does BFD say that the other end lives, do tunnel 1 and
 * tunnel 2 leave by different interfaces, and do the networks' frames fit? */

#include <config.h>
#include "check.h"

#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ovsdb-idl.h"
#include "openvswitch/shash.h"
#include "smap.h"
#include "socket-util.h"
#include "sset.h"
#include "util.h"
#include "vswitch-idl.h"

/* A tunnel's kind, as the ports' external_ids:dts-role calls it. */
static const char *
describe_role(const char *role)
{
    return (!strcmp(role, "replication") ? "tunnel 1 (replication)"
            : !strcmp(role, "liveness") ? "liveness tunnel"
            : "client tunnel");
}

/* The interface that has the address 'own', to be freed; NULL: none. */
static char *
interface_of(const struct sockaddr_storage *own)
{
    struct ds want = DS_EMPTY_INITIALIZER;
    struct ifaddrs *all;
    char *name = NULL;

    ss_format_address_nobracks(own, &want);
    if (!getifaddrs(&all)) {
        for (const struct ifaddrs *a = all; a && !name; a = a->ifa_next) {
            struct sockaddr_storage ss;
            struct ds have = DS_EMPTY_INITIALIZER;

            if (!a->ifa_addr || a->ifa_addr->sa_family != own->ss_family) {
                continue;
            }
            memset(&ss, 0, sizeof ss);
            memcpy(&ss, a->ifa_addr, own->ss_family == AF_INET6
                   ? sizeof(struct sockaddr_in6)
                   : sizeof(struct sockaddr_in));
            ss_format_address_nobracks(&ss, &have);
            if (!strcmp(ds_cstr(&have), ds_cstr(&want))) {
                name = xstrdup(a->ifa_name);
            }
            ds_destroy(&have);
        }
        freeifaddrs(all);
    }
    ds_destroy(&want);
    return name;
}

/* How the kernel sends to 'ip': the interface (to be freed, NULL if it cannot
 * be told) and the path's MTU as far as it is known, 0 if not.  Connecting a
 * datagram socket asks for the route and sends nothing. */
static char *
route_to(const char *ip, int *mtu)
{
    bool ipv6 = strchr(ip, ':') != NULL;
    char *target = xasprintf(ipv6 ? "[%s]:9" : "%s:9", ip);
    struct sockaddr_storage ss, own;
    socklen_t len = sizeof own;
    char *name = NULL;

    *mtu = 0;
    if (inet_parse_active(target, 9, &ss, false, NULL)) {
        int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd >= 0 && !connect(fd, (struct sockaddr *) &ss, ss_length(&ss))
            && !getsockname(fd, (struct sockaddr *) &own, &len)) {
            socklen_t mtu_len = sizeof *mtu;
            if (getsockopt(fd, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP,
                           ipv6 ? IPV6_MTU : IP_MTU, mtu, &mtu_len)) {
                *mtu = 0;
            }
            name = interface_of(&own);
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    free(target);
    return name;
}

/* The interface of 'role' towards 'peer', or NULL. */
static const struct ovsrec_interface *
find_interface(const struct check *c, const char *role, const char *peer)
{
    for (size_t i = 0; i < c->bridge->n_ports; i++) {
        const struct ovsrec_port *port = c->bridge->ports[i];

        for (size_t j = 0; j < port->n_interfaces; j++) {
            const struct ovsrec_interface *iface = port->interfaces[j];
            const struct smap *ids
                = (smap_get(&port->external_ids, "dts-role")
                   ? &port->external_ids : &iface->external_ids);

            if (!strcmp(smap_get_def(ids, "dts-role", ""), role)
                && !strcmp(smap_get_def(ids, "dts-peer", ""), peer)) {
                return iface;
            }
        }
    }
    return NULL;
}

/* Bytes that an encapsulation adds to an inner IP packet: outer IP header,
 * its own, and the inner Ethernet header. */
static int
overhead(const struct ovsrec_interface *iface)
{
    const char *ip = smap_get_def(&iface->options, "remote_ip", "");
    int outer = strchr(ip, ':') ? 40 : 20;

    return outer + 14 + (!strcmp(iface->type, "gre")
                         || !strcmp(iface->type, "ip6gre")
                         ? 4 + 4 : 8 + 8);
}

static void
check_bfd(struct check *c, const char *role, const char *peer,
          const struct ovsrec_interface *iface)
{
    const char *state = smap_get(&iface->bfd_status, "state");
    const char *diag = smap_get_def(&iface->bfd_status, "diagnostic", "");
    const char *far = smap_get_def(&iface->bfd_status, "remote_diagnostic",
                                   "");

    if (iface->error && iface->error[0]) {
        check_bad(c, CHECK_FAIL, "tunnels", xasprintf(
                  "ovs-vsctl list Interface %s; the log of ovs-vswitchd",
                  iface->name), "%s to %s: %s", describe_role(role), peer,
                  iface->error);
    } else if (!strcmp(role, "data")) {
        check_ok(c, "tunnels", "%s to %s is there (%s)",
                 describe_role(role), peer, iface->type);
    } else if (state && !strcmp(state, "up")) {
        check_ok(c, "tunnels", "%s to %s (%s): BFD up", describe_role(role),
                 peer, iface->type);
    } else {
        check_bad(c, CHECK_FAIL, "tunnels", xasprintf(
                  "is dts-agent running on %s? Do firewalls let %s through "
                  "to %s?", peer, strstr(iface->type, "gre")
                  ? "GRE (IP protocol 47)"
                  : !strcmp(iface->type, "vxlan") ? "UDP port 4789"
                  : "UDP port 6081",
                  smap_get_def(&iface->options, "remote_ip", peer)),
                  "%s to %s (%s): BFD %s%s%s%s%s", describe_role(role), peer,
                  iface->type, state ? state : "not running",
                  diag[0] ? ": " : "", diag, far[0] ? "; there: " : "", far);
    }
}

/* The interface by which the tunnel of 'iface' leaves, to be freed. */
static char *
underlay_of(const struct ovsrec_interface *iface, int *mtu)
{
    *mtu = 0;
    return route_to(smap_get_def(&iface->options, "remote_ip", ""), mtu);
}

/* A tunnel proves nothing about who sent what: between sites that matters. */
static void
check_path(struct check *c, const char *peer,
           const struct ovsrec_interface *iface)
{
    const struct dtsrec_node *node = find_node(c->dts, peer);
    const struct dtsrec_tunnel *tunnel = find_tunnel(c->dts, c->node, peer);

    if (!node || !node->site[0] || !c->self->site[0]
        || !strcmp(node->site, c->self->site)
        || smap_get(&iface->options, "psk")
        || smap_get(&iface->options, "remote_cert")
        || smap_get(&iface->options, "remote_name")
        || (tunnel && smap_get(&tunnel->external_ids, "dts-path"))) {
        return;
    }
    check_bad(c, CHECK_WARN, "path", xasprintf(
              "IPsec or a VPN between %s and %s (docs/security.md); when it "
              "is so: dts-ctl tunnel-set %s %s external-ids:dts-path=private",
              c->self->site, node->site, c->node, peer),
              "the tunnel to %s crosses sites in the clear: who is on the "
              "path reads the guests' traffic, and who can send from an "
              "address of ours can forge it", peer);
}

/* What is to be known about the tunnels of one node with another. */
static void
check_pair(struct check *c, const char *role, const char *peer,
           struct shash *underlays)
{
    const struct ovsrec_interface *iface = find_interface(c, role, peer);

    if (!iface) {
        check_bad(c, CHECK_FAIL, "tunnels", xasprintf(
                  "start dts-agent here (it makes the tunnels); if it runs: "
                  "do both nodes have an ip (dts-ctl show)?"),
                  "there is no %s to %s", describe_role(role), peer);
        return;
    }
    check_bfd(c, role, peer, iface);
    if (!strcmp(role, "data")) {
        check_path(c, peer, iface);
    }

    int mtu;
    char *dev = underlay_of(iface, &mtu);
    if (dev) {
        char *key = xasprintf("%s %s", role, peer);
        free(shash_replace(underlays, key, dev));
        free(key);
    }
}

static void
check_mtu(struct check *c, const struct dtsrec_network *network,
          const char *peer)
{
    const struct ovsrec_interface *iface = find_interface(c, "data", peer);
    int mtu;

    if (!iface) {
        return;
    }
    free(underlay_of(iface, &mtu));
    int room = mtu ? mtu - overhead(iface) : 0;
    if (network->n_mtu && room && network->mtu[0] > room) {
        check_bad(c, CHECK_FAIL, "mtu", xasprintf(
                  "dts-ctl network-set %s mtu=%d, or a larger MTU (%"PRId64
                  " or more) on the underlay", network->name, room,
                  network->mtu[0] + overhead(iface)),
                  "network %s has MTU %"PRId64", but only %d fit into the "
                  "tunnel to %s (%s over %d)", network->name,
                  network->mtu[0], room, peer, iface->type, mtu);
    } else if (room) {
        check_ok(c, "mtu", "network %s: %d bytes fit into the tunnel to %s",
                 network->name, room, peer);
    }
}

/* Tunnel 1 and the tunnels to the gateways over one interface: the witness
 * then fails together with what it is to testify about. */
static void
check_shared_underlay(struct check *c, const struct shash *underlays)
{
    struct shash_node *a, *b;
    bool separate = false, shared = false;

    SHASH_FOR_EACH (a, underlays) {
        if (strncmp(a->name, "replication ", 12)) {
            continue;
        }
        SHASH_FOR_EACH (b, underlays) {
            if (strncmp(b->name, "liveness ", 9)) {
                continue;
            }
            if (strcmp(a->data, b->data)) {
                separate = true;
                continue;
            }
            shared = true;
            check_bad(c, CHECK_WARN, "underlay", xasprintf(
                      "give tunnel 1 a path of its own: dts-ctl tunnel-set "
                      "%s %s %s=IP %s=IP with the addresses of other "
                      "interfaces", c->node, a->name + 12, c->node,
                      a->name + 12),
                      "tunnel 1 to %s and the tunnel to the witness %s both "
                      "leave by %s: if it fails, the witness loses sight at "
                      "the same time", a->name + 12, b->name + 9,
                      (char *) b->data);
        }
    }
    if (separate && !shared) {
        check_ok(c, "underlay", "tunnel 1 and the tunnels to the gateways "
                 "leave by different interfaces");
    }
}

static bool
domain_is_on(const struct dtsrec_domain *d, const char *node)
{
    return !strcmp(d->primary, node) || !strcmp(d->secondary, node);
}

void
check_tunnels(struct check *c)
{
    struct sset wanted = SSET_INITIALIZER(&wanted);     /* "ROLE PEER" */
    struct shash underlays = SHASH_INITIALIZER(&underlays);
    const struct dtsrec_domain *d;

    if (!c->bridge || !c->self) {
        return;
    }

    DTSREC_DOMAIN_FOR_EACH (d, c->dts) {
        const struct dtsrec_network *network = find_network(c->dts,
                                                            d->network);
        struct sset peers = SSET_INITIALIZER(&peers);
        const char *peer;

        if (!network) {
            continue;
        }
        network_gateways(network, &peers);
        if (domain_is_on(d, c->node)) {
            const char *other = (strcmp(d->primary, c->node) ? d->primary
                                 : d->secondary);
            if (!c->self->replication_ip[0]) {
                sset_add_and_free(&wanted,
                                  xasprintf("replication %s", other));
            }
        } else if (sset_contains(&peers, c->node)) {
            sset_clear(&peers);
            sset_add(&peers, d->primary);
            sset_add(&peers, d->secondary);
        } else {
            sset_clear(&peers);
        }
        SSET_FOR_EACH (peer, &peers) {
            sset_add_and_free(&wanted, xasprintf("liveness %s", peer));
            if (!strcmp(network->switching, "flow")) {
                sset_add_and_free(&wanted, xasprintf("data %s", peer));
                check_mtu(c, network, peer);
            }
        }
        sset_destroy(&peers);
    }

    const char **sorted = sset_sort(&wanted);
    for (size_t i = 0; i < sset_count(&wanted); i++) {
        size_t n = strcspn(sorted[i], " ");
        char *role = xmemdup0(sorted[i], n);

        check_pair(c, role, sorted[i] + n + 1, &underlays);
        free(role);
    }
    free(sorted);
    check_shared_underlay(c, &underlays);
    shash_destroy_free_data(&underlays);
    sset_destroy(&wanted);
}
