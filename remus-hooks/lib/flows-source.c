/* SPDX-License-Identifier: Apache-2.0 */

/* Who may a frame claim to come from.
 *
 * A guest's frame is let through only if its MAC is the guest's and what it
 * says of itself above that is the guest's too: the IPv4 source, the sender of
 * an ARP message, the IPv6 source and the target of a neighbour advertisement.
 * That holds on the server (by the vif's port) and once more on the gateway
 * (by the network), which trusts no server.
 *
 * A MAC given without any IP address may use any: an operator who names no
 * address asks for no check of them.  With an IPv6 address its link-local one
 * is let through too; with any IP address, what a host sends before it has one
 * (ARP probe, DHCP request, duplicate address detection, RARP).
 *
 * Priorities in a table: 110 a neighbour advertisement of an own target, 105
 * any other (dropped), 102 and 101 those that tell of the first frame, 100 the
 * rest. */

#include <config.h>

#include "flows-private.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>

#include "openvswitch/match.h"
#include "packets.h"
#include "view.h"

#define ND_ADVERT_TYPE 136
#define ND_SOLICIT_TYPE 135

static void
add_ip4(struct flow_env *env, const struct source_check *sc,
        const struct match *base, ovs_be32 ip, bool probe)
{
    struct match m = *base;

    match_set_dl_type(&m, htons(ETH_TYPE_IP));
    match_set_nw_src(&m, ip);
    if (probe) {
        dts_flow_table_add(env->t, sc->table, 102, &m, &env->acts,
                           DTS_COOKIE_PROBE | sc->probe, 0);
        return;
    }
    flow_add(env, sc->table, 100, &m);

    m = *base;
    match_set_dl_type(&m, htons(ETH_TYPE_ARP));
    match_set_nw_src(&m, ip);
    match_set_arp_sha(&m, sc->a->mac);
    flow_add(env, sc->table, 100, &m);
}

/* What a host sends before it has an address. */
static void
add_addressless(struct flow_env *env, const struct source_check *sc,
                const struct match *base)
{
    struct match m = *base;

    if (sc->a->n_ip4) {
        match_set_dl_type(&m, htons(ETH_TYPE_ARP));
        match_set_nw_src(&m, 0);
        match_set_arp_sha(&m, sc->a->mac);
        flow_add(env, sc->table, 100, &m);

        m = *base;
        match_set_dl_type(&m, htons(ETH_TYPE_IP));
        match_set_nw_src(&m, 0);
        match_set_nw_proto(&m, IPPROTO_UDP);
        match_set_tp_src(&m, htons(68));
        match_set_tp_dst(&m, htons(67));
        flow_add(env, sc->table, 100, &m);
    }

    m = *base;
    match_set_dl_type(&m, htons(ETH_TYPE_RARP));
    match_set_arp_sha(&m, sc->a->mac);
    flow_add(env, sc->table, 100, &m);
}

static void
add_ip6(struct flow_env *env, const struct source_check *sc,
        const struct match *base, const struct in6_addr *ip,
        struct ofpbuf *to_table6)
{
    struct ofpbuf admit = env->acts;
    struct match m = *base;

    match_set_dl_type(&m, htons(ETH_TYPE_IPV6));
    match_set_ipv6_src(&m, ip);
    flow_add(env, sc->table6, 100, &m);

    /* Duplicate address detection for an own address only. */
    m = *base;
    match_set_dl_type(&m, htons(ETH_TYPE_IPV6));
    match_set_nw_proto(&m, IPPROTO_ICMPV6);
    match_set_ipv6_src(&m, &in6addr_any);
    match_set_icmp_type(&m, ND_SOLICIT_TYPE);
    match_set_icmp_code(&m, 0);
    match_set_nd_target(&m, ip);
    flow_add(env, sc->table6, 100, &m);

    m = *base;
    match_set_dl_type(&m, htons(ETH_TYPE_IPV6));
    match_set_nw_proto(&m, IPPROTO_ICMPV6);
    match_set_icmp_type(&m, ND_ADVERT_TYPE);
    match_set_icmp_code(&m, 0);
    match_set_nd_target(&m, ip);
    env->acts = *to_table6;
    flow_add(env, sc->table, 110, &m);
    env->acts = admit;
}

void
source_check_add(struct flow_env *env, const struct source_check *sc)
{
    const struct dts_address *a = sc->a;
    struct match base = *sc->where;
    struct match m;

    match_set_dl_src(&base, a->mac);
    if (!a->n_ip4 && !a->n_ip6) {
        m = base;
        if (!sc->probe) {
            flow_add(env, sc->table, 100, &m);
            return;
        }
        match_set_dl_type(&m, htons(ETH_TYPE_IP));
        dts_flow_table_add(env->t, sc->table, 102, &m, &env->acts,
                           DTS_COOKIE_PROBE | sc->probe, 0);
        return;
    }

    for (size_t i = 0; i < a->n_ip4; i++) {
        add_ip4(env, sc, &base, a->ip4[i], sc->probe != 0);
    }
    if (!sc->probe) {
        add_addressless(env, sc, &base);
    }
    if (!a->n_ip6) {
        return;
    }

    struct ofpbuf admit = env->acts;
    struct ofpbuf to_table6;
    ofpbuf_init(&to_table6, 64);
    env->acts = to_table6;
    if (sc->probe) {
        act_controller(env);
    }
    act_resubmit(env, sc->table6);
    to_table6 = env->acts;

    m = base;
    match_set_dl_type(&m, htons(ETH_TYPE_IPV6));
    if (sc->probe) {
        dts_flow_table_add(env->t, sc->table, 102, &m, &env->acts,
                           DTS_COOKIE_PROBE | sc->probe, 0);
        env->acts = admit;
        ofpbuf_uninit(&to_table6);
        return;
    }
    flow_add(env, sc->table, 100, &m);

    act_clear(env);             /* Other neighbour advertisements: drop. */
    match_set_nw_proto(&m, IPPROTO_ICMPV6);
    match_set_icmp_type(&m, ND_ADVERT_TYPE);
    flow_add(env, sc->table, 105, &m);
    act_resubmit(env, sc->table6);
    to_table6 = env->acts;
    env->acts = admit;

    struct in6_addr lla;
    in6_generate_lla(a->mac, &lla);
    add_ip6(env, sc, &base, &lla, &to_table6);
    for (size_t i = 0; i < a->n_ip6; i++) {
        if (!ipv6_addr_equals(&a->ip6[i], &lla)) {
            add_ip6(env, sc, &base, &a->ip6[i], &to_table6);
        }
    }
    ofpbuf_uninit(&to_table6);
}

static void
deny_ip6(struct flow_env *env, const struct match *base,
         const struct in6_addr *ip)
{
    struct match m = *base;

    match_set_dl_type(&m, htons(ETH_TYPE_IPV6));
    match_set_ipv6_src(&m, ip);
    flow_add(env, DTS_T_CLIENT, 100, &m);
    m = *base;
    match_set_dl_type(&m, htons(ETH_TYPE_IPV6));
    match_set_nw_proto(&m, IPPROTO_ICMPV6);
    match_set_icmp_type(&m, ND_ADVERT_TYPE);
    match_set_icmp_code(&m, 0);
    match_set_nd_target(&m, ip);
    flow_add(env, DTS_T_CLIENT, 100, &m);
}

void
source_deny_add(struct flow_env *env, const struct dts_address *a,
                uint32_t key)
{
    struct match base, m;

    match_init_catchall(&base);
    match_set_reg(&base, 0, key);
    act_clear(env);

    m = base;
    match_set_dl_src(&m, a->mac);
    flow_add(env, DTS_T_CLIENT, 100, &m);
    m = base;
    match_set_dl_type(&m, htons(ETH_TYPE_ARP));
    match_set_arp_sha(&m, a->mac);
    flow_add(env, DTS_T_CLIENT, 100, &m);
    for (size_t i = 0; i < a->n_ip4; i++) {
        m = base;
        match_set_dl_type(&m, htons(ETH_TYPE_IP));
        match_set_nw_src(&m, a->ip4[i]);
        flow_add(env, DTS_T_CLIENT, 100, &m);
        m = base;
        match_set_dl_type(&m, htons(ETH_TYPE_ARP));
        match_set_nw_src(&m, a->ip4[i]);
        flow_add(env, DTS_T_CLIENT, 100, &m);
    }
    if (a->n_ip6) {
        struct in6_addr lla;

        in6_generate_lla(a->mac, &lla);
        deny_ip6(env, &base, &lla);
        for (size_t i = 0; i < a->n_ip6; i++) {
            deny_ip6(env, &base, &a->ip6[i]);
        }
    }
}
