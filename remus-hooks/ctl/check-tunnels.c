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
#include "view.h"
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

/* How the kernel sends to 'ip': from the address '*own', and the path's MTU as
 * far as it is known, 0 if not.  Returns false if that cannot be told.
 * Connecting a datagram socket asks for the route and sends nothing. */
static bool
route_to(const char *ip, struct sockaddr_storage *own, int *mtu)
{
    bool ipv6 = strchr(ip, ':') != NULL;
    char *target = xasprintf(ipv6 ? "[%s]:9" : "%s:9", ip);
    struct sockaddr_storage ss;
    socklen_t len = sizeof *own;
    bool known = false;

    *mtu = 0;
    if (inet_parse_active(target, 9, &ss, false, NULL)) {
        int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd >= 0 && !connect(fd, (struct sockaddr *) &ss, ss_length(&ss))
            && !getsockname(fd, (struct sockaddr *) own, &len)) {
            socklen_t mtu_len = sizeof *mtu;
            if (getsockopt(fd, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP,
                           ipv6 ? IPV6_MTU : IP_MTU, mtu, &mtu_len)) {
                *mtu = 0;
            }
            known = true;
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    free(target);
    return known;
}

char *
source_of(const char *ip)
{
    struct sockaddr_storage own;
    struct ds s = DS_EMPTY_INITIALIZER;
    int mtu;

    if (!route_to(ip, &own, &mtu)) {
        return NULL;
    }
    ss_format_address_nobracks(&own, &s);
    return ds_steal_cstr(&s);
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

/* The largest IP packet that fits into the tunnel of 'iface' to 'peer' over an
 * underlay of 'mtu'. */
static int
room_of(const struct check *c, const char *peer,
        const struct ovsrec_interface *iface, int mtu)
{
    const char *ip = smap_get_def(&iface->options, "remote_ip", "");
    const char *type = !strcmp(iface->type, "ip6gre") ? "gre" : iface->type;

    return dts_encap_room(dts_encap_from_string(type), strchr(ip, ':') != NULL,
                          tunnel_is_encrypted(c->dts, c->node, peer), mtu);
}

/* What firewalls must let through for 'iface'. */
static const char *
describe_packets(const struct ovsrec_interface *iface, bool encrypted)
{
    return (encrypted ? "ESP (IP protocol 50) and UDP ports 500 and 4500"
            : strstr(iface->type, "gre") ? "GRE (IP protocol 47)"
            : !strcmp(iface->type, "vxlan") ? "UDP port 4789"
            : "UDP port 6081");
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
        check_bad(&c->lines, CHECK_FAIL, "tunnels", xasprintf(
                  "ovs-vsctl list Interface %s; the log of ovs-vswitchd",
                  iface->name), "%s to %s: %s", describe_role(role), peer,
                  iface->error);
    } else if (!strcmp(role, "data")) {
        check_ok(&c->lines, "tunnels", "%s to %s is there (%s)",
                 describe_role(role), peer, iface->type);
    } else if (state && !strcmp(state, "up")) {
        check_ok(&c->lines, "tunnels", "%s to %s (%s): BFD up",
                 describe_role(role),
                 peer, iface->type);
    } else {
        bool encrypted = tunnel_is_encrypted(c->dts, c->node, peer);

        check_bad(&c->lines, CHECK_FAIL, "tunnels", xasprintf(
                  "is dts-agent running on %s? Do firewalls let %s through "
                  "to %s?%s", peer, describe_packets(iface, encrypted),
                  smap_get_def(&iface->options, "remote_ip", peer),
                  encrypted ? " What do the lines \"ipsec\" say, here and "
                  "there? ipsec statusall" : ""),
                  "%s to %s (%s): BFD %s%s%s%s%s", describe_role(role), peer,
                  iface->type, state ? state : "not running",
                  diag[0] ? ": " : "", diag, far[0] ? "; there: " : "", far);
    }
}

/* The interface by which the tunnel of 'iface' leaves, to be freed. */
static char *
underlay_of(const struct ovsrec_interface *iface, int *mtu)
{
    struct sockaddr_storage own;

    return (route_to(smap_get_def(&iface->options, "remote_ip", ""), &own, mtu)
            ? interface_of(&own) : NULL);
}

/* A tunnel proves nothing about who sent what: between sites that matters. */
static void
check_path(struct check *c, const char *role, const char *peer,
           const struct ovsrec_interface *iface)
{
    const struct dtsrec_node *node = find_node(c->dts, peer);
    const struct dtsrec_tunnel *tunnel = find_tunnel(c->dts, c->node, peer);

    if (!node || !node->site[0] || !c->self->site[0]
        || !strcmp(node->site, c->self->site)
        || tunnel_is_encrypted(c->dts, c->node, peer)
        || smap_get(&iface->options, "psk")
        || smap_get(&iface->options, "remote_cert")
        || smap_get(&iface->options, "remote_name")
        || (tunnel && smap_get(&tunnel->external_ids, "dts-path"))) {
        return;
    }
    check_bad(&c->lines, CHECK_WARN, "path", xasprintf(
              "dts-ctl tunnel-set %s %s encrypt=ipsec (docs/security.md); or, "
              "when there is a VPN between %s and %s: dts-ctl tunnel-set %s "
              "%s external-ids:dts-path=private", c->node, peer,
              c->self->site, node->site, c->node, peer),
              !strcmp(role, "replication")
              ? "tunnel 1 to %s crosses sites in the clear: replication is "
              "TLS all the same, but who can send from an address of ours can "
              "forge its packets"
              : "the tunnel to %s crosses sites in the clear: who is on the "
              "path reads the guests' traffic, and who can send from an "
              "address of ours can forge it", peer);
}

/* What is to be known about the tunnels of one node with another. */
static void
check_pair(struct check *c, const char *role, const char *peer,
           struct shash *underlays)
{
    const struct ovsrec_interface *iface = find_interface(c, role, peer);
    bool data = !strcmp(role, "data");

    if (tunnel_is_encrypted(c->dts, c->node, peer)) {
        const struct dtsrec_node *node = find_node(c->dts, peer);
        const char *ip = (iface
                          ? smap_get_def(&iface->options, "remote_ip", "")
                          : node ? node->encap_ip : "");

        *(strchr(ip, ':') ? &c->encrypted6 : &c->encrypted4) = true;
        if (c->userspace) {
            if (!data) {
                check_bad(&c->lines, CHECK_FAIL, "ipsec", xasprintf(
                          "the kernel's datapath (ovs-vsctl remove "
                          "Open_vSwitch . external_ids "
                          "dts-bridge-datapath-type -- set Bridge %s "
                          "datapath_type=system), or dts-ctl tunnel-set %s %s "
                          "encrypt=none", c->bridge_name, c->node, peer),
                          "%s to %s is to be encrypted, and the userspace "
                          "datapath cannot: it is not made",
                          describe_role(role), peer);
            }
            return;
        }
    }
    if (!iface) {
        check_bad(&c->lines, CHECK_FAIL, "tunnels", xasprintf(
                  "start dts-agent here (it makes the tunnels); if it runs: "
                  "do both nodes have an ip (dts-ctl show)?%s",
                  tunnel_is_encrypted(c->dts, c->node, peer)
                  ? " What does ovs-appctl -t dts-agent dts/status say of it "
                  "(\"not made\")?" : ""),
                  "there is no %s to %s", describe_role(role), peer);
        return;
    }
    check_bfd(c, role, peer, iface);
    if (!data) {
        check_path(c, role, peer, iface);
        if (tunnel_is_encrypted(c->dts, c->node, peer)) {
            check_ipsec_tunnel(c, peer, iface);
        }
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
    int room = mtu ? room_of(c, peer, iface, mtu) : 0;
    if (network->n_mtu && room && network->mtu[0] > room) {
        int needed = network->mtu[0];

        while (room_of(c, peer, iface, needed) < network->mtu[0]) {
            needed++;
        }
        check_bad(&c->lines, CHECK_FAIL, "mtu", xasprintf(
                  "dts-ctl network-set %s mtu=%d, or a larger MTU (%d or "
                  "more) on the underlay", network->name, room, needed),
                  "network %s has MTU %"PRId64", but only %d fit into the "
                  "tunnel to %s (%s%s over %d)", network->name,
                  network->mtu[0], room, peer, iface->type,
                  tunnel_is_encrypted(c->dts, c->node, peer)
                  ? ", encrypted," : "", mtu);
    } else if (room) {
        check_ok(&c->lines, "mtu",
                 "network %s: %d bytes fit into the tunnel to %s",
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
            check_bad(&c->lines, CHECK_WARN, "underlay", xasprintf(
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
        check_ok(&c->lines, "underlay",
                 "tunnel 1 and the tunnels to the gateways "
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
