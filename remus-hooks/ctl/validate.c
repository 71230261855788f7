/* SPDX-License-Identifier: Apache-2.0 */

/* What the schema cannot say about the rows that an operator writes (see
 * validate.h).  Commands change rows first and validate them then, all in one
 * transaction that is given up at the first error. */

#include <config.h>
#include "validate.h"

#include <inttypes.h>
#include <string.h>

#include "ctl.h"
#include "packets.h"
#include "realtime.h"
#include "sset.h"
#include "svec.h"
#include "util.h"
#include "values.h"
#include "view.h"

static char *
unknown_node(const struct ovsdb_idl *idl, const char *who, const char *as,
             const char *name, int *code)
{
    char *hint = suggest_row(idl, &dtsrec_table_node, name);
    char *s = xasprintf("%s: its %s \"%s\" is not a node%s", who, as, name,
                        hint[0] ? hint : ": add it with dts-ctl node-add");
    free(hint);
    *code = DTS_EXIT_NOT_FOUND;
    return s;
}

char *
validate_global(const struct dtsrec_global *global, int *code)
{
    int64_t beat = global->n_heartbeat ? global->heartbeat[0] : 50;
    int64_t timeout = global->n_peer_timeout ? global->peer_timeout[0] : 500;

    *code = DTS_EXIT_REFUSED;
    if (timeout < 3 * beat) {
        return xasprintf("peer-timeout %"PRId64" ms with heartbeat %"PRId64" "
                         "ms: two lost heartbeats would fail over; make "
                         "peer-timeout at least 3 heartbeats", timeout, beat);
    }
    return NULL;
}

char *
validate_node(const struct ovsdb_idl *idl, const struct dtsrec_node *node,
              int *code)
{
    const struct dtsrec_node *other;
    char *who = xasprintf("node %s", node->name);
    char *error;

    *code = DTS_EXIT_USAGE;
    error = parse_name("node", node->name);
    if (!error && node->encap_ip[0]) {
        error = parse_ip(node->encap_ip, NULL, NULL);
    }
    if (!error && node->replication_ip[0]) {
        error = parse_ip(node->replication_ip, NULL, NULL);
    }
    if (!error && !node->n_roles) {
        error = xasprintf("%s has no role: give it one or more of server, "
                          "gateway, router", who);
    }
    if (!error && (node->index < 1 || node->index > 4000)) {
        error = xasprintf("%s: index %"PRId64" is not from 1 to 4000", who,
                          node->index);
    }
    DTSREC_NODE_FOR_EACH (other, idl) {
        if (error || other == node) {
            continue;
        }
        *code = DTS_EXIT_REFUSED;
        if (!strcmp(other->name, node->name)) {
            error = xasprintf("there is a node %s already (change it with "
                              "dts-ctl node-set)", node->name);
        } else if (other->index == node->index) {
            error = xasprintf("%s: index %"PRId64" is %s's; without --index "
                              "a free one is taken", who, node->index,
                              other->name);
        } else if (node->encap_ip[0]
                   && !strcmp(other->encap_ip, node->encap_ip)) {
            error = xasprintf("%s: ip %s is %s's", who, node->encap_ip,
                              other->name);
        } else if (node->replication_ip[0]
                   && !strcmp(other->replication_ip, node->replication_ip)) {
            error = xasprintf("%s: replication-ip %s is %s's", who,
                              node->replication_ip, other->name);
        }
    }
    free(who);
    return error;
}

/* The outer address of 'node' in 'tunnel', or "". */
static const char *
tunnel_ip(const struct ovsdb_idl *idl, const struct dtsrec_tunnel *tunnel,
          const char *node)
{
    const char *ip = smap_get(&tunnel->ips, node);
    const struct dtsrec_node *row = find_node(idl, node);

    return ip ? ip : row ? row->encap_ip : "";
}

/* The encapsulation of 'tunnel', as the agents choose it. */
static const char *
tunnel_type(const struct ovsdb_idl *idl, const struct dtsrec_tunnel *tunnel)
{
    const struct dtsrec_global *global = dtsrec_global_first(idl);
    const struct dtsrec_node *a = find_node(idl, tunnel->node_a);
    const struct dtsrec_node *b = find_node(idl, tunnel->node_b);
    const struct dtsrec_node *low = a->index < b->index ? a : b;
    const struct dtsrec_node *high = low == a ? b : a;

    return (tunnel->type ? tunnel->type
            : low->encap_type ? low->encap_type
            : high->encap_type ? high->encap_type
            : global ? global->encap_type : "gre");
}

char *
validate_tunnel(const struct ovsdb_idl *idl,
                const struct dtsrec_tunnel *tunnel, int *code)
{
    const char *ends[] = { tunnel->node_a, tunnel->node_b };
    const char *ips[2];
    char *who = xasprintf("tunnel %s - %s", ends[0], ends[1]);
    char *error = NULL;

    *code = DTS_EXIT_USAGE;
    if (!strcmp(ends[0], ends[1])) {
        error = xasprintf("%s: a tunnel joins two different nodes", who);
    }
    for (size_t i = 0; i < 2 && !error; i++) {
        if (!find_node(idl, ends[i])) {
            error = unknown_node(idl, who, "end", ends[i], code);
        }
        ips[i] = tunnel_ip(idl, tunnel, ends[i]);
    }

    const struct smap_node *node;
    SMAP_FOR_EACH (node, &tunnel->ips) {
        if (error) {
            break;
        }
        if (strcmp(node->key, ends[0]) && strcmp(node->key, ends[1])) {
            error = xasprintf("%s: an address is given for \"%s\", which is "
                              "not one of its ends", who, node->key);
        } else {
            error = parse_ip(node->value, NULL, NULL);
        }
    }

    bool ipv6[2];
    if (!error && ips[0][0] && ips[1][0]) {
        char *e0 = parse_ip(ips[0], NULL, &ipv6[0]);
        char *e1 = parse_ip(ips[1], NULL, &ipv6[1]);

        if (!e0 && !e1 && ipv6[0] != ipv6[1]) {
            error = xasprintf("%s: one end is IPv4, the other IPv6 (%s, %s): "
                              "give both in one family with %s=IP %s=IP",
                              who, ips[0], ips[1], ends[0], ends[1]);
        } else if (!e0 && !e1 && !strcmp(ips[0], ips[1])) {
            error = xasprintf("%s: both ends have the address %s", who,
                              ips[0]);
        } else if (!e0 && !e1 && ipv6[0]
                   && tunnel_is_encrypted(idl, ends[0], ends[1])
                   && !strcmp(tunnel_type(idl, tunnel), "gre")) {
            error = xasprintf("%s: Open vSwitch does not encrypt GRE over "
                              "IPv6: give type=geneve or type=vxlan, too",
                              who);
        }
        free(e0);
        free(e1);
    }

    SMAP_FOR_EACH (node, &tunnel->options) {
        bool encrypt = (!error && tunnel_is_encrypted(idl, ends[0], ends[1]));

        if (!error && !dts_tunnel_option_is_free(node->key, encrypt)) {
            error = xasprintf("%s: options:%s is not for you to set%s (take "
                              "it out with options:%s=); these are: csum, "
                              "df_default, egress_pkt_mark, ttl%s", who,
                              node->key,
                              encrypt ? " on an encrypted tunnel" : "",
                              node->key, encrypt ? "" : ", dst_port");
        }
    }

    const struct dtsrec_tunnel *other;
    DTSREC_TUNNEL_FOR_EACH (other, idl) {
        if (!error && other != tunnel
            && !strcmp(other->node_a, ends[1])
            && !strcmp(other->node_b, ends[0])) {
            *code = DTS_EXIT_REFUSED;
            error = xasprintf("%s is described twice: destroy one of the two "
                              "rows in table Tunnel", who);
        }
    }
    free(who);
    return error;
}

/* The client ports of 'network' against those of the other networks. */
static char *
validate_client_port(const struct ovsdb_idl *idl,
                     const struct dtsrec_network *network,
                     const struct dts_client_port *port, int *code)
{
    const struct dtsrec_node *node = find_node(idl, port->gateway);
    char *who = xasprintf("network %s", network->name);
    char *error = NULL;

    if (!node) {
        error = unknown_node(idl, who, "gateway", port->gateway, code);
    } else if (!node_has_role(node, "gateway")) {
        *code = DTS_EXIT_REFUSED;
        error = xasprintf("%s: node %s is not a gateway: add the role with "
                          "dts-ctl node-set %s roles=...,gateway", who,
                          node->name, node->name);
    }

    const struct dtsrec_network *other;
    DTSREC_NETWORK_FOR_EACH (other, idl) {
        for (size_t i = 0; i < other->n_gateways && !error; i++) {
            struct dts_client_port theirs;
            char *e = dts_client_port_parse(other->gateways[i], &theirs);

            if (e) {
                free(e);
                continue;
            }
            if (other != network && !strcmp(theirs.gateway, port->gateway)
                && !strcmp(theirs.port, port->port)
                && theirs.vlan == port->vlan) {
                *code = DTS_EXIT_REFUSED;
                error = xasprintf("%s: client port %s is network %s's: use "
                                  "another port or a VLAN (GATEWAY:PORT:"
                                  "VLAN)", who, other->gateways[i],
                                  other->name);
            }
            dts_client_port_uninit(&theirs);
        }
    }
    free(who);
    return error;
}

/* With switching=port all domains of the network share one owner. */
static char *
validate_port_switching(const struct ovsdb_idl *idl,
                        const struct dtsrec_network *network, int *code)
{
    const struct dtsrec_binding *first = NULL;
    const struct dtsrec_domain *domain;

    DTSREC_DOMAIN_FOR_EACH (domain, idl) {
        const struct dtsrec_binding *b;

        if (strcmp(domain->network, network->name)
            || !(b = find_binding(idl, domain->name))) {
            continue;
        }
        if (first && strcmp(first->owner, b->owner)) {
            *code = DTS_EXIT_REFUSED;
            return xasprintf(
                "network %s switches by port, so all its domains run on one "
                "node, but %s is on %s and %s on %s: bring them together "
                "first, or use switching=flow", network->name,
                first->domain, first->owner, b->domain, b->owner);
        }
        first = b;
    }
    return NULL;
}

char *
validate_network(const struct ovsdb_idl *idl,
                 const struct dtsrec_network *network, int *code)
{
    const struct dtsrec_network *other;
    char *error;

    *code = DTS_EXIT_USAGE;
    error = parse_name("network", network->name);
    if (!error && (network->key < 1 || network->key > 16777214)) {
        error = xasprintf("network %s: key %"PRId64" is not from 1 to "
                          "16777214", network->name, network->key);
    }
    DTSREC_NETWORK_FOR_EACH (other, idl) {
        if (error || other == network) {
            continue;
        }
        if (!strcmp(other->name, network->name)) {
            *code = DTS_EXIT_REFUSED;
            error = xasprintf("there is a network %s already (change it with "
                              "dts-ctl network-set)", network->name);
        } else if (other->key == network->key) {
            *code = DTS_EXIT_REFUSED;
            error = xasprintf("network %s: key %"PRId64" is network %s's: "
                              "choose another", network->name, network->key,
                              other->name);
        }
    }
    for (size_t i = 0; i < network->n_gateways && !error; i++) {
        struct dts_client_port port;

        error = dts_client_port_parse(network->gateways[i], &port);
        if (!error) {
            error = validate_client_port(idl, network, &port, code);
            dts_client_port_uninit(&port);
        }
    }
    if (!error && !strcmp(network->switching, "port")) {
        error = validate_port_switching(idl, network, code);
    }
    return error;
}

/* Adds the MAC and IP addresses of 'domain' to 'macs' and 'ips'.  Returns an
 * error about one that cannot be parsed or is given twice. */
static char *
own_addresses(const struct dtsrec_domain *domain, struct svec *macs,
              struct svec *ips, int *code)
{
    struct svec addresses = SVEC_EMPTY_INITIALIZER;
    char *error = NULL;

    *code = DTS_EXIT_USAGE;
    for (size_t i = 0; i < domain->n_addresses && !error; i++) {
        error = parse_addresses(domain->addresses[i], &addresses);
    }
    if (error) {
        char *s = xasprintf("domain %s: %s", domain->name, error);
        free(error);
        error = s;
    }
    for (size_t i = 0; i < addresses.n && !error; i++) {
        char *save = NULL;
        struct svec *to = macs;

        for (char *w = strtok_r(addresses.names[i], " ", &save);
             w && !error; w = strtok_r(NULL, " ", &save)) {
            if (svec_contains_unsorted(to, w)) {
                *code = DTS_EXIT_REFUSED;
                error = xasprintf("domain %s: address %s is given twice",
                                  domain->name, w);
            }
            svec_add(to, w);
            to = ips;
        }
    }
    svec_destroy(&addresses);
    return error;
}

/* True if 'word' is one of the words of 's'. */
static bool
has_word(const char *s, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = s; (p = strcasestr(p, word)); p++) {
        if ((p == s || p[-1] == ' ') && (!p[n] || p[n] == ' ')) {
            return true;
        }
    }
    return false;
}

/* The addresses of 'domain' against those of the other domains.  (Those are
 * compared as text, as dts-ctl writes it, because there may be thousands;
 * validate_all() parses them.) */
static char *
validate_addresses(const struct ovsdb_idl *idl,
                   const struct dtsrec_domain *domain, int *code)
{
    struct svec macs = SVEC_EMPTY_INITIALIZER;
    struct svec ips = SVEC_EMPTY_INITIALIZER;
    const struct dtsrec_domain *other;
    char *error = own_addresses(domain, &macs, &ips, code);

    DTSREC_DOMAIN_FOR_EACH (other, idl) {
        if (error || other == domain) {
            continue;
        }
        bool same_network = !strcmp(other->network, domain->network);
        for (size_t i = 0; i < other->n_addresses && !error; i++) {
            const char *s = other->addresses[i];

            *code = DTS_EXIT_REFUSED;
            for (size_t j = 0; j < macs.n && !error; j++) {
                if (has_word(s, macs.names[j])) {
                    error = xasprintf("domain %s: MAC %s is domain %s's",
                                      domain->name, macs.names[j],
                                      other->name);
                }
            }
            for (size_t j = 0; same_network && j < ips.n && !error; j++) {
                if (has_word(s, ips.names[j])) {
                    error = xasprintf("domain %s: IP %s is domain %s's in "
                                      "the same network", domain->name,
                                      ips.names[j], other->name);
                }
            }
        }
    }
    svec_destroy(&macs);
    svec_destroy(&ips);
    return error;
}

static char *
validate_server(const struct ovsdb_idl *idl, const char *who, const char *as,
                const char *name, int *code)
{
    const struct dtsrec_node *node = find_node(idl, name);

    if (!node) {
        return unknown_node(idl, who, as, name, code);
    } else if (!node_has_role(node, "server")) {
        *code = DTS_EXIT_REFUSED;
        return xasprintf("%s: its %s %s is not a server: add the role with "
                         "dts-ctl node-set %s roles=...,server", who, as,
                         name, name);
    }
    return NULL;
}

/* All of a domain but what must be compared with every other domain. */
/* Each class for itself, and all of them together. */
static char *
validate_realtime(const struct dtsrec_domain *domain, int *code)
{
    size_t n = MIN(domain->n_realtime, REMUS_MAX_CLASSES + 1), i;
    struct remus_class classes[REMUS_MAX_CLASSES + 1];

    for (i = 0; i < n; i++) {
        char *error = remus_class_parse(domain->realtime[i], &classes[i]);

        if (error) {
            *code = DTS_EXIT_USAGE;
            return error;
        }
    }
    *code = DTS_EXIT_REFUSED;
    return remus_classes_check(classes, n, domain->realtime_unsafe);
}

static char *
validate_domain_itself(const struct ovsdb_idl *idl,
                       const struct dtsrec_domain *domain, int *code)
{
    const struct dtsrec_network *network = find_network(idl, domain->network);
    char *who = xasprintf("domain %s", domain->name);
    struct sset gateways = SSET_INITIALIZER(&gateways);
    char *error;

    *code = DTS_EXIT_USAGE;
    error = parse_name("domain", domain->name);
    if (!error && !network) {
        char *hint = suggest_row(idl, &dtsrec_table_network, domain->network);
        *code = DTS_EXIT_NOT_FOUND;
        error = xasprintf("%s: there is no network \"%s\"%s", who,
                          domain->network, hint[0] ? hint
                          : ": add it with dts-ctl network-add");
        free(hint);
    }
    if (!error && !domain->n_addresses) {
        error = xasprintf("%s has no address: the gateways let nothing else "
                          "through; give --address='MAC IP...'", who);
    }
    if (!error) {
        error = validate_server(idl, who, "primary", domain->primary, code);
    }
    if (!error) {
        error = validate_server(idl, who, "secondary", domain->secondary,
                                code);
    }
    if (!error && !strcmp(domain->primary, domain->secondary)) {
        *code = DTS_EXIT_REFUSED;
        error = xasprintf("%s: primary and secondary are both %s: the copy "
                          "must be on another node", who, domain->primary);
    }
    if (network) {
        network_gateways(network, &gateways);
    }
    if (!error && domain->witness[0]) {
        if (!find_node(idl, domain->witness)) {
            error = unknown_node(idl, who, "witness", domain->witness, code);
        } else if (!sset_contains(&gateways, domain->witness)) {
            *code = DTS_EXIT_REFUSED;
            char *list = sset_join(&gateways, ", ", "");
            error = xasprintf("%s: its witness %s is not a gateway of network "
                              "%s (which has %s)", who, domain->witness,
                              domain->network, list[0] ? list : "none");
            free(list);
        }
    }
    if (!error) {
        error = validate_realtime(domain, code);
    }
    sset_destroy(&gateways);
    free(who);
    return error;
}

char *
validate_domain(const struct ovsdb_idl *idl,
                const struct dtsrec_domain *domain, int *code)
{
    char *error = validate_domain_itself(idl, domain, code);

    if (!error) {
        error = validate_addresses(idl, domain, code);
    }
    if (!error) {
        const struct dtsrec_network *network
            = find_network(idl, domain->network);
        if (!strcmp(network->switching, "port")) {
            error = validate_port_switching(idl, network, code);
        }
    }
    return error;
}

static void
add_problem(struct svec *problems, char *error)
{
    if (error) {
        svec_add_nocopy(problems, error);
    }
}

/* Every MAC once, every IP once in its network. */
static void
validate_all_addresses(const struct ovsdb_idl *idl, struct svec *problems)
{
    struct shash owners = SHASH_INITIALIZER(&owners);
    const struct dtsrec_domain *domain;

    DTSREC_DOMAIN_FOR_EACH (domain, idl) {
        struct svec words = SVEC_EMPTY_INITIALIZER;

        for (size_t i = 0; i < domain->n_addresses; i++) {
            char *error = parse_addresses(domain->addresses[i], &words);
            if (error) {
                svec_add_nocopy(problems, xasprintf("domain %s: %s",
                                                    domain->name, error));
                free(error);
            }
        }
        for (size_t i = 0; i < words.n; i++) {
            char *save = NULL;
            bool mac = true;

            for (char *w = strtok_r(words.names[i], " ", &save); w;
                 w = strtok_r(NULL, " ", &save)) {
                char *key = xasprintf("%s %s", mac ? "" : domain->network, w);
                const char *other = shash_find_data(&owners, key);

                if (other) {
                    svec_add_nocopy(problems, xasprintf(
                        "%s is the address of domain %s and of domain %s", w,
                        other, domain->name));
                } else {
                    shash_add(&owners, key, domain->name);
                }
                free(key);
                mac = false;
            }
        }
        svec_destroy(&words);
    }
    shash_destroy(&owners);
}

void
validate_all(const struct ovsdb_idl *idl, struct svec *problems)
{
    const struct dtsrec_global *global = dtsrec_global_first(idl);
    const struct dtsrec_node *node;
    const struct dtsrec_tunnel *tunnel;
    const struct dtsrec_network *network;
    const struct dtsrec_domain *domain;
    int code;

    if (global) {
        add_problem(problems, validate_global(global, &code));
    }
    DTSREC_NODE_FOR_EACH (node, idl) {
        add_problem(problems, validate_node(idl, node, &code));
    }
    DTSREC_TUNNEL_FOR_EACH (tunnel, idl) {
        add_problem(problems, validate_tunnel(idl, tunnel, &code));
    }
    DTSREC_NETWORK_FOR_EACH (network, idl) {
        add_problem(problems, validate_network(idl, network, &code));
    }
    DTSREC_DOMAIN_FOR_EACH (domain, idl) {
        add_problem(problems, validate_domain_itself(idl, domain, &code));
        if (!find_binding(idl, domain->name)) {
            add_problem(problems, xasprintf(
                "domain %s has no binding, so no node may run it: delete it "
                "and add it again with dts-ctl domain-add", domain->name));
        }
    }
    validate_all_addresses(idl, problems);
    svec_sort(problems);
}
