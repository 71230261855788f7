/* SPDX-License-Identifier: Apache-2.0 */

/* `dts-ctl check`: does the DTS database answer, does it know this node, and
 * would it survive the loss of a site that it is there to survive? */

#include <config.h>
#include "check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "jsonrpc.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "ovsdb-idl.h"
#include "packets.h"
#include "socket-util.h"
#include "sset.h"
#include "stream.h"
#include "svec.h"
#include "util.h"
#include "validate.h"
#include "values.h"
#include "view.h"

static void
connect_database(struct check *c)
{
    char *remote = (settings.db ? xstrdup(settings.db)
                    : c->remote ? xstrdup(c->remote) : default_remote());
    if (!remote) {
        check_bad(&c->lines, CHECK_FAIL, "database", xstrdup("ovs-vsctl set "
                  "Open_vSwitch . external_ids:dts-remote=ssl:ADDRESS:6645"),
                  "no DTS database is configured");
        return;
    }
    free(c->remote);
    c->remote = remote;

    struct ovsdb_idl *idl = ovsdb_idl_create(remote, &dtsrec_idl_class,
                                             false, false);
    struct ctl_context ctx = { .idl = idl };
    ovsdb_idl_set_leader_only(idl, false);
    pre_config(&ctx);
    pre_access(&ctx);
    ovsdb_idl_add_table(idl, &dtsrec_table_event);
    ovsdb_idl_add_column(idl, &dtsrec_event_col_node);
    if (wait_for_data(idl, 5000)) {
        c->dts = idl;
        return;
    }
    check_bad(&c->lines, CHECK_FAIL, "database", xasprintf(
              "on its machine: systemctl status dts-db; from here: is its "
              "port open, are %s/pki/*.pem this node's, signed by the CA "
              "that signed the server's?", DTS_SYSCONFDIR),
              "%s: the DTS database does not answer (%s)", remote,
              ovs_retval_to_string(ovsdb_idl_get_last_error(idl)));
    ovsdb_idl_destroy(idl);
}

/* What the server says of its database DTS in the row of _Server. */
static struct json *
query_server(const char *remote)
{
    struct svec remotes = SVEC_EMPTY_INITIALIZER;
    struct json *row = NULL;

    split_list(remote, &remotes);
    for (size_t i = 0; i < remotes.n && !row; i++) {
        struct stream *stream;
        struct jsonrpc_msg *reply = NULL;

        int error = stream_open_block(stream_open(remotes.names[i], &stream,
                                                  DSCP_DEFAULT), 3000,
                                      &stream);
        if (error) {
            continue;
        }
        struct jsonrpc *rpc = jsonrpc_open(stream);
        struct json *params = json_from_string(
            "[\"_Server\", {\"op\": \"select\", \"table\": \"Database\", "
            "\"where\": [[\"name\", \"==\", \"DTS\"]]}]");
        error = jsonrpc_transact_block(
            rpc, jsonrpc_create_request("transact", params, NULL), &reply);
        if (!error && reply->result && reply->result->type == JSON_ARRAY
            && reply->result->array.n == 1) {
            struct json *op = reply->result->array.elems[0];
            struct json *rows = (op->type == JSON_OBJECT
                                 ? shash_find_data(json_object(op), "rows")
                                 : NULL);
            if (rows && rows->type == JSON_ARRAY && rows->array.n == 1) {
                row = json_clone(rows->array.elems[0]);
            }
        }
        jsonrpc_msg_destroy(reply);
        jsonrpc_close(rpc);
    }
    svec_destroy(&remotes);
    return row;
}

static bool
json_is_true(const struct json *row, const char *name)
{
    const struct json *j = shash_find_data(json_object(row), name);

    return j && j->type == JSON_TRUE;
}

static void
check_server(struct check *c)
{
    struct json *row = query_server(c->remote);

    if (!row || row->type != JSON_OBJECT) {
        check_ok(&c->lines, "database", "%s answers", c->remote);
        json_destroy(row);
        return;
    }

    const struct json *model = shash_find_data(json_object(row), "model");
    bool clustered = model && model->type == JSON_STRING
                     && !strcmp(json_string(model), "clustered");
    if (!clustered) {
        check_bad(&c->lines, CHECK_WARN, "database", xstrdup(
                  "make it of the RAFT kind: dts-ctl-daemon start db does "
                  "so when there is no file yet (docs/deployment.md)"),
                  "%s is a standalone database: after a power cut it may "
                  "come back with an older owner", c->remote);
    } else if (!json_is_true(row, "connected")) {
        check_bad(&c->lines, CHECK_FAIL, "database", xstrdup(
                  "bring a majority of its members back"),
                  "%s has no quorum: nothing can be granted", c->remote);
    } else {
        check_ok(&c->lines, "database", "%s answers, clustered, %s", c->remote,
                 json_is_true(row, "leader") ? "leader" : "follower of a "
                 "leader");
    }
    json_destroy(row);
}

static void
check_self(struct check *c)
{
    if (!c->node) {
        return;
    }
    c->self = find_node(c->dts, c->node);
    if (!c->self) {
        char *hint = suggest_row(c->dts, &dtsrec_table_node, c->node);
        check_bad(&c->lines, CHECK_FAIL, "node", xasprintf(
                  "dts-ctl node-add %s --roles=... --site=... --ip=...",
                  c->node), "the database does not know node %s%s", c->node,
                  hint);
        free(hint);
        return;
    }

    struct ds roles = DS_EMPTY_INITIALIZER;
    for (size_t i = 0; i < c->self->n_roles; i++) {
        ds_put_format(&roles, "%s%s", i ? ", " : "", c->self->roles[i]);
    }
    check_ok(&c->lines, "node", "the database knows %s: %s, index %"PRId64,
             c->node,
             ds_cstr(&roles), c->self->index);
    ds_destroy(&roles);

    const char *ip = c->self->encap_ip;
    if (!ip[0] && !c->encap_ip) {
        check_bad(&c->lines, CHECK_FAIL, "encap-ip", xasprintf(
                  "dts-ctl node-set %s ip=IP, or here: ovs-vsctl set "
                  "Open_vSwitch . external_ids:dts-encap-ip=IP", c->node),
                  "no tunnel can be made: this node's address is not known");
    } else if (!ip[0]) {
        check_bad(&c->lines, CHECK_FAIL, "encap-ip", xasprintf(
                  "dts-ctl node-set %s ip=%s", c->node, c->encap_ip),
                  "no tunnel can be made: the local Open vSwitch says %s, the "
                  "database nothing (a node's certificate may not write it)",
                  c->encap_ip);
    } else if (c->encap_ip && strcmp(ip, c->encap_ip)) {
        check_bad(&c->lines, CHECK_WARN, "encap-ip", xasprintf(
                  "dts-ctl node-set %s ip=%s", c->node, c->encap_ip),
                  "the database says %s, the local Open vSwitch %s", ip,
                  c->encap_ip);
    }
    const char *type = c->self->encap_type;
    if (c->encap_type && (!type || strcmp(type, c->encap_type))
        && dts_encap_from_string(c->encap_type) != DTS_ENCAP_UNSET) {
        check_bad(&c->lines, CHECK_WARN, "encap-type", xasprintf(
                  "dts-ctl node-set %s encap-type=%s", c->node,
                  c->encap_type),
                  "the database says %s, which counts, the local Open vSwitch "
                  "%s", type ? type : "nothing", c->encap_type);
    }
    if (!c->self->site[0]) {
        check_bad(&c->lines, CHECK_WARN, "site", xasprintf(
                  "dts-ctl node-set %s site=NAME", c->node),
                  "no site is given for %s: nobody can tell whether the "
                  "witness would share its fate", c->node);
    }
}

static void
check_consistency(struct check *c)
{
    struct svec problems = SVEC_EMPTY_INITIALIZER;

    validate_all(c->dts, &problems);
    for (size_t i = 0; i < problems.n; i++) {
        check_bad(&c->lines, CHECK_FAIL, "contents",
                  xstrdup("correct it with the command that sets it "
                          "(dts-ctl --help)"), "%s", problems.names[i]);
    }
    if (!problems.n) {
        check_ok(&c->lines, "contents", "the database is consistent");
    }
    svec_destroy(&problems);
}

/* The site of the node that has the address of 'remote' ("ssl:IP:PORT"), or
 * NULL. */
static const char *
remote_site(const struct check *c, const char *remote)
{
    const struct dtsrec_node *node;
    const char *name = strchr(remote, ':');
    struct sockaddr_storage ss;
    const char *site = NULL;

    if (!name || !strncmp(remote, "unix:", 5)) {
        return c->self ? c->self->site : NULL;
    }
    if (!inet_parse_active(name + 1, 6645, &ss, false, NULL)) {
        return NULL;
    }
    struct ds ds = DS_EMPTY_INITIALIZER;
    ss_format_address_nobracks(&ss, &ds);
    DTSREC_NODE_FOR_EACH (node, c->dts) {
        if (!strcmp(node->encap_ip, ds_cstr(&ds))
            || !strcmp(node->replication_ip, ds_cstr(&ds))) {
            site = node->site;
        }
    }
    ds_destroy(&ds);
    return site;
}

/* A majority of the database's members at one site that also has an owner:
 * its loss takes the referee away with the player. */
static void
check_database_sites(struct check *c)
{
    struct svec remotes = SVEC_EMPTY_INITIALIZER;
    const struct dtsrec_domain *d;

    split_list(c->remote, &remotes);
    DTSREC_DOMAIN_FOR_EACH (d, c->dts) {
        const struct dtsrec_binding *b = find_binding(c->dts, d->name);
        const struct dtsrec_node *owner = b ? find_node(c->dts, b->owner)
                                          : NULL;
        size_t n = 0;

        if (!owner || !owner->site[0]) {
            continue;
        }
        for (size_t i = 0; i < remotes.n; i++) {
            const char *site = remote_site(c, remotes.names[i]);
            n += site && !strcmp(site, owner->site);
        }
        if (n * 2 > remotes.n || (n * 2 == remotes.n && n)) {
            check_bad(&c->lines, CHECK_FAIL, "database",
                      xasprintf("serve it from a third site (the gateway), "
                                "or give a majority of its members to other "
                                "sites than %s", owner->site),
                      "%s runs at site %s, and so do %"PRIuSIZE" of "
                      "%"PRIuSIZE" database servers: if the site is lost, "
                      "nobody can take over", d->name, owner->site, n,
                      remotes.n);
            break;
        }
    }
    svec_destroy(&remotes);
}

static void
check_witness(struct check *c, const struct dtsrec_domain *d)
{
    const struct dtsrec_network *network = find_network(c->dts, d->network);
    const struct dtsrec_binding *b = find_binding(c->dts, d->name);
    struct sset gateways = SSET_INITIALIZER(&gateways);
    const char *witness = d->witness;

    if (network) {
        network_gateways(network, &gateways);
    }
    const char **sorted = sset_sort(&gateways);
    if (!witness[0] && !sset_is_empty(&gateways)) {
        witness = sorted[0];
    }

    const struct dtsrec_node *node = find_node(c->dts, witness);
    const struct dtsrec_node *owner = b ? find_node(c->dts, b->owner) : NULL;
    if (!node) {
        check_bad(&c->lines, CHECK_FAIL, "witness", xasprintf(
                  "dts-ctl network-set %s gateway=GATEWAY:PORT", d->network),
                  "%s has no witness: network %s has no gateway", d->name,
                  d->network);
    } else if (owner && owner->site[0] && !strcmp(owner->site, node->site)) {
        check_bad(&c->lines, CHECK_FAIL, "witness", xasprintf(
                  "choose a gateway at another site: dts-ctl domain-set %s "
                  "witness=GATEWAY", d->name),
                  "%s's witness %s is at the owner's site %s: it would be "
                  "lost with it", d->name, witness, owner->site);
    } else if (d->failover[0] == 'a') {
        const struct dtsrec_reachability *r
            = owner ? find_reachability(c->dts, witness, owner->name) : NULL;
        if (!r || strcmp(r->state, "up")) {
            check_bad(&c->lines, CHECK_WARN, "witness", xasprintf(
                      "look at dts-ctl status %s; is dts-agent running on %s "
                      "and on %s, and is UDP (BFD in the tunnel) let "
                      "through?", d->name, witness,
                      owner ? owner->name : "the owner"),
                      "%s's witness %s does not see the owner %s up (%s): "
                      "it would not testify", d->name, witness,
                      owner ? owner->name : "?", r ? r->state
                      : "not watched yet");
        } else {
            check_ok(&c->lines, "witness",
                     "%s's witness %s sees the owner %s up",
                     d->name, witness, owner->name);
        }
    }
    free(sorted);
    sset_destroy(&gateways);
}

void
check_database(struct check *c)
{
    const struct dtsrec_domain *d;

    connect_database(c);
    if (!c->dts) {
        return;
    }
    check_server(c);
    check_self(c);
    check_consistency(c);
    check_database_sites(c);
    DTSREC_DOMAIN_FOR_EACH (d, c->dts) {
        const struct dtsrec_binding *b = find_binding(c->dts, d->name);

        /* Only what this node has to do with. */
        if (c->node && (!strcmp(d->primary, c->node)
                        || !strcmp(d->secondary, c->node)
                        || !strcmp(d->witness, c->node)
                        || (b && !strcmp(b->owner, c->node)))) {
            check_witness(c, d);
        }
    }
}
