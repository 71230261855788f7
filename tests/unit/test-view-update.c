/* SPDX-License-Identifier: Apache-2.0 */

/* A view that was brought up to date is the view that would be made anew, and
 * names every domain that differs: random transactions on a real ovsdb-server,
 * seen through the IDL as the agent sees them. */

#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "dts-idl.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovsdb-idl.h"
#include "random.h"
#include "smap.h"
#include "svec.h"
#include "timeval.h"
#include "util.h"
#include "view.h"
#include "view-changes.h"

#define ROUNDS 600

static const struct dts_view_local local = { "A", "" };
static struct ovsdb_idl *idl;
static struct dts_view_source source;
static char *dir;
static pid_t server;

static void
put_receipts(const struct dts_domain *d, struct ds *s)
{
    struct svec fences = SVEC_EMPTY_INITIALIZER;

    for (size_t i = 0; i < d->n_fences; i++) {
        svec_add_nocopy(&fences, xasprintf("%s@%"PRId64, d->fences[i].gateway,
                                           d->fences[i].generation));
    }
    svec_sort(&fences);
    for (size_t i = 0; i < fences.n; i++) {
        ds_put_format(s, " fence=%s", fences.names[i]);
    }
    svec_destroy(&fences);
}

/* Appends what is known of 'd'; what is computed from only, if 'brief'. */
static void
put_domain(const struct dts_view *view, const struct dts_domain *d,
           bool brief, struct ds *s)
{
    /* No pointer into what a former view had. */
    assert_ptr_equal(d->network, dts_view_find_network(view, d->network_name));
    assert_ptr_equal(d->owner_node, dts_view_find_node(view, d->owner));
    assert_ptr_equal(d->standby_node, dts_view_find_node(view, d->standby));
    ds_put_format(s, "domain %s: %s %s %s witness=%s %d %d %d", d->name,
                  d->network_name, d->primary, d->secondary, d->witness,
                  d->failover_auto, d->on_loss_failover, d->realtime_unsafe);
    for (size_t i = 0; i < d->n_addresses; i++) {
        ds_put_format(s, " "ETH_ADDR_FMT"/%"PRIuSIZE,
                      ETH_ADDR_ARGS(d->addresses[i].mac),
                      d->addresses[i].n_ip4);
    }
    for (size_t i = 0; i < d->n_realtime; i++) {
        ds_put_format(s, " realtime=%s", d->realtime[i]);
    }
    if (d->requested_node) {
        ds_put_format(s, " request=%s@%"PRId64, d->requested_node,
                      d->requested_generation);
    }
    if (d->has_binding) {
        ds_put_format(s, " binding=%s,%s,%"PRId64",%s,%s", d->owner,
                      d->standby, d->generation, d->session,
                      dts_state_to_string(d->state));
    }
    if (!brief) {
        ds_put_format(s, " cause=%s since=%"PRId64" failover_at=%"PRId64,
                      d->cause, d->since, d->failover_at);
        put_receipts(d, s);
    }
}

static char *
domain_to_string(const struct dts_view *view, const char *name)
{
    const struct dts_domain *d = dts_view_find_domain(view, name);
    struct ds s = DS_EMPTY_INITIALIZER;

    if (d) {
        put_domain(view, d, true, &s);
    }
    return ds_steal_cstr(&s);
}

static char *
receipts_to_string(const struct dts_view *view, const char *name)
{
    const struct dts_domain *d = dts_view_find_domain(view, name);
    struct ds s = DS_EMPTY_INITIALIZER;

    if (d) {
        put_receipts(d, &s);
    }
    return ds_steal_cstr(&s);
}

/* All of 'view', in lines that are sorted. */
static char *
view_to_string(const struct dts_view *view)
{
    struct svec lines = SVEC_EMPTY_INITIALIZER;
    const struct dts_node *node;
    const struct dts_network *network;
    const struct dts_domain *d;
    struct ds s = DS_EMPTY_INITIALIZER;

    svec_add_nocopy(&lines, xasprintf(
        "timers %d %d %d %d %d %d %d fence %d generation %"PRId64" self %s",
        view->timers.heartbeat, view->timers.peer_timeout,
        view->timers.bfd_min_tx, view->timers.bfd_mult,
        view->timers.hold_down, view->timers.stall, view->timers.lease,
        view->fence, view->generation, view->self ? view->self->name : "-"));
    assert_ptr_equal(view->self, dts_view_find_node(view, view->self_name));
    HMAP_FOR_EACH (node, hmap_node, &view->nodes) {
        svec_add_nocopy(&lines, xasprintf(
            "node %s %d %x %s %s %s %d", node->name, node->index, node->roles,
            node->encap_ip, node->site, node->replication_ip, node->encap));
    }
    HMAP_FOR_EACH (network, hmap_node, &view->networks) {
        ds_put_format(&s, "network %s %"PRIu32" %d %d %d", network->name,
                      network->key, network->mtu, network->switching_port,
                      network->closed_on_database_loss);
        for (size_t i = 0; i < network->n_ports; i++) {
            const struct dts_client_port *p = &network->ports[i];
            assert_ptr_equal(p->node, dts_view_find_node(view, p->gateway));
            ds_put_format(&s, " %s:%s:%d", p->gateway, p->port, p->vlan);
        }
        svec_add_nocopy(&lines, ds_steal_cstr(&s));
    }
    HMAP_FOR_EACH (d, hmap_node, &view->domains) {
        put_domain(view, d, false, &s);
        svec_add_nocopy(&lines, ds_steal_cstr(&s));
    }
    for (size_t i = 0; i < view->n_tunnels; i++) {
        const struct dts_tunnel *t = &view->tunnels[i];
        svec_add_nocopy(&lines, xasprintf(
            "tunnel %s %s %d %d %s %s %d %d %d %d %"PRIuSIZE,
            t->a->name, t->b->name, t->encap, t->encrypt, t->ip_a, t->ip_b,
            t->bfd_min_tx, t->bfd_mult, t->tos, t->mtu,
            smap_count(&t->options)));
    }
    svec_sort(&lines);
    char *joined = svec_join(&lines, "\n", "");
    svec_destroy(&lines);
    return joined;
}

static void
run_server(void)
{
    char *socket = xasprintf("--remote=punix:%s/sock", dir);
    char *db = xasprintf("%s/db", dir);
    char *ctl = xasprintf("--unixctl=%s/ctl", dir);
    char *log = xasprintf("%s/log", dir);

    server = fork();
    if (!server) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (freopen(log, "a", stderr)) {
            execlp("ovsdb-server", "ovsdb-server", socket, ctl, db,
                   (char *) NULL);
        }
        _exit(127);
    }
    free(socket);
    free(db);
    free(ctl);
    free(log);
}

static void
kill_server(void)
{
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
}

/* Commits 'txn', and brings the replica up to it. */
static enum ovsdb_idl_txn_status
commit(struct ovsdb_idl_txn *txn)
{
    enum ovsdb_idl_txn_status status = ovsdb_idl_txn_commit_block(txn);

    if (status == TXN_ERROR) {
        fail_msg("%s", ovsdb_idl_txn_get_error(txn));
    }
    ovsdb_idl_txn_destroy(txn);
    ovsdb_idl_run(idl);
    return status;
}

/* One transaction of a few changes, and the replica with it in it. */
static void
transact(void)
{
    struct ovsdb_idl_txn *txn = ovsdb_idl_txn_create(idl);

    for (int i = random_range(4); i >= 0; i--) {
        view_change_something(idl, txn);
    }

    enum ovsdb_idl_txn_status status = commit(txn);
    assert_true(status == TXN_SUCCESS || status == TXN_UNCHANGED);
}

/* The agent's way: see db.c. */
static struct dts_view *
follow(struct dts_view *view, int *n_anew)
{
    if (!view || !dts_view_update(view, &source)) {
        dts_view_destroy(view);
        view = dts_view_create(idl, &local);
        assert_true(view->all_changed);
        ++*n_anew;
    }
    return view;
}

/* Each domain of 'view' knows which rows are its. */
static void
check_rows(const struct dts_view *view)
{
    const struct dtsrec_binding *binding;
    const struct dtsrec_fence *fence;
    const struct dts_domain *d;
    size_t n = 0;

    DTSREC_BINDING_FOR_EACH (binding, idl) {
        d = dts_view_find_domain(view, binding->domain);
        if (d) {
            assert_ptr_equal(dts_view_get_binding_row(idl, d), binding);
            n++;
        }
    }
    HMAP_FOR_EACH (d, hmap_node, &view->domains) {
        n -= dts_view_get_binding_row(idl, d) != NULL;
        for (size_t i = 0; i < d->n_fences; i++) {
            fence = dtsrec_fence_get_for_uuid(idl, &d->fences[i].row);
            assert_string_equal(fence->gateway, d->fences[i].gateway);
            assert_int_equal(*dts_receipt_get(fence, d->name),
                             d->fences[i].generation);
        }
    }
    assert_int_equal(n, 0);
}

static void
check_round(int round, struct dts_view **viewp, int *n_anew)
{
    char *before[N_DOMAINS], *receipts[N_DOMAINS];

    for (int i = 0; i < N_DOMAINS; i++) {
        char name[16];
        snprintf(name, sizeof name, "d%d", i);
        before[i] = *viewp ? domain_to_string(*viewp, name) : xstrdup("");
        receipts[i] = *viewp ? receipts_to_string(*viewp, name) : xstrdup("");
    }
    for (int i = random_range(4) ? 1 : 3; i > 0; i--) {
        transact();
    }

    struct dts_view *view = *viewp = follow(*viewp, n_anew);
    struct dts_view *anew = dts_view_create(idl, &local);
    char *is = view_to_string(view), *should_be = view_to_string(anew);

    if (strcmp(is, should_be)) {
        fail_msg("round %d: the view that was followed:\n%s\n"
                 "and made anew:\n%s", round, is, should_be);
    }
    check_rows(view);
    for (int i = 0; i < N_DOMAINS; i++) {
        char name[16];
        snprintf(name, sizeof name, "d%d", i);
        char *after = domain_to_string(view, name);
        if (strcmp(before[i], after) && !view->all_changed
            && !sset_contains(&view->changed, name)) {
            fail_msg("round %d: %s is not named as changed:\n%s\n%s",
                     round, name, before[i], after);
        }
        free(before[i]);
        free(after);
        after = receipts_to_string(view, name);
        if (strcmp(receipts[i], after) && !view->all_changed
            && !sset_contains(&view->changed, name)
            && !sset_contains(&view->receipts_changed, name)) {
            fail_msg("round %d: %s's receipts are not named as changed:\n"
                     "%s\n%s", round, name, receipts[i], after);
        }
        free(receipts[i]);
        free(after);
    }
    free(is);
    free(should_be);
    dts_view_destroy(anew);
    ovsdb_idl_track_clear(idl);
}

static void
test_follow(void **state OVS_UNUSED)
{
    struct dts_view *view = NULL;
    int n_anew = 0;

    random_set_seed(20261126);
    for (int i = 0; i < ROUNDS; i++) {
        check_round(i, &view, &n_anew);
    }
    /* Else nothing was shown. */
    assert_in_range(n_anew, 10, ROUNDS / 2);
    dts_view_destroy(view);
}

/* A step of another domain raises Global's counter: that is no reason to make
 * all anew, and the counter is right afterwards. */
static void
test_counter(void **state OVS_UNUSED)
{
    struct dts_view *view = dts_view_create(idl, &local);
    struct ovsdb_idl_txn *txn = ovsdb_idl_txn_create(idl);

    dtsrec_global_set_generation(dtsrec_global_first(idl), 4711);
    assert_int_equal(commit(txn), TXN_SUCCESS);
    assert_true(dts_view_update(view, &source));
    assert_false(view->all_changed);
    assert_true(sset_is_empty(&view->changed));
    assert_int_equal(view->generation, 4711);
    ovsdb_idl_track_clear(idl);
    dts_view_destroy(view);
}

/* What a node tells of itself, which it may do as often as it likes, makes
 * nothing anew; what an operator says of it does. */
static void
test_node_tells(void **state OVS_UNUSED)
{
    struct dts_view *view = dts_view_create(idl, &local);
    const struct dtsrec_node *row = dtsrec_node_first(idl);
    struct smap status = SMAP_INITIALIZER(&status);
    struct ovsdb_idl_txn *txn = ovsdb_idl_txn_create(idl);

    assert_non_null(row);
    smap_add(&status, "xenstore", "flaps");
    dtsrec_node_set_session(row, "another");
    dtsrec_node_set_version(row, "another");
    dtsrec_node_set_status(row, &status);
    assert_int_equal(commit(txn), TXN_SUCCESS);
    assert_true(dts_view_update(view, &source));
    assert_true(sset_is_empty(&view->changed));
    ovsdb_idl_track_clear(idl);

    txn = ovsdb_idl_txn_create(idl);
    dtsrec_node_set_encap_ip(row, "10.9.9.9");
    assert_int_equal(commit(txn), TXN_SUCCESS);
    assert_false(dts_view_update(view, &source));
    ovsdb_idl_track_clear(idl);
    smap_destroy(&status);
    dts_view_destroy(view);
}

/* A domain that is renamed leaves nothing behind under its old name. */
static void
test_renamed(void **state OVS_UNUSED)
{
    struct dts_view *view = dts_view_create(idl, &local);
    const struct dtsrec_domain *row = dtsrec_domain_first(idl);
    struct ovsdb_idl_txn *txn = ovsdb_idl_txn_create(idl);
    int n_anew = 0;

    assert_non_null(row);
    char *old = xstrdup(row->name);
    dtsrec_domain_set_name(row, "renamed");
    assert_int_equal(commit(txn), TXN_SUCCESS);
    view = follow(view, &n_anew);
    assert_non_null(dts_view_find_domain(view, "renamed"));
    assert_null(dts_view_find_domain(view, old));
    ovsdb_idl_track_clear(idl);
    dts_view_destroy(view);
    free(old);
}

/* Adds the Domain "x" by a transaction of its own, or deletes it. */
static struct dts_view *
there(struct dts_view *view, bool there)
{
    struct ovsdb_idl_txn *txn = ovsdb_idl_txn_create(idl);
    const struct dtsrec_domain *row;
    int n_anew = 0;

    if (there) {
        row = dtsrec_domain_insert(txn);
        dtsrec_domain_set_name(row, "x");
        dtsrec_domain_set_failover(row, "auto");
        dtsrec_domain_set_on_loss(row, "stop");
    } else {
        DTSREC_DOMAIN_FOR_EACH (row, idl) {
        if (!strcmp(row->name, "x")) {
            break;
        }
    }
        dtsrec_domain_delete(row);
    }
    assert_int_equal(commit(txn), TXN_SUCCESS);
    view = follow(view, &n_anew);
    check_rows(view);
    ovsdb_idl_track_clear(idl);
    return view;
}

/* A Binding and a receipt that stay when their Domain goes are found when it
 * comes again. */
static void
test_orphans(void **state OVS_UNUSED)
{
    const struct dtsrec_binding *binding, *next_binding;
    const struct dtsrec_domain *domain, *next_domain;
    const struct dtsrec_fence *fence, *next_fence;
    struct ovsdb_idl_txn *txn = ovsdb_idl_txn_create(idl);
    struct dts_view *view;

    DTSREC_DOMAIN_FOR_EACH_SAFE (domain, next_domain, idl) {
        dtsrec_domain_delete(domain);
    }
    DTSREC_BINDING_FOR_EACH_SAFE (binding, next_binding, idl) {
        dtsrec_binding_delete(binding);
    }
    DTSREC_FENCE_FOR_EACH_SAFE (fence, next_fence, idl) {
        dtsrec_fence_delete(fence);
    }
    assert_int_equal(commit(txn), TXN_SUCCESS);
    ovsdb_idl_track_clear(idl);
    view = there(dts_view_create(idl, &local), true);

    txn = ovsdb_idl_txn_create(idl);
    binding = dtsrec_binding_insert(txn);
    dtsrec_binding_set_domain(binding, "x");
    dtsrec_binding_set_state(binding, "alone");
    fence = dtsrec_fence_insert(txn);
    const char *name = "x";
    int64_t generation = 3;
    dtsrec_fence_set_gateway(fence, "g1");
    dtsrec_fence_set_generations(fence, &name, &generation, 1);
    assert_int_equal(commit(txn), TXN_SUCCESS);
    assert_true(dts_view_update(view, &source));
    ovsdb_idl_track_clear(idl);
    check_rows(view);

    view = there(there(view, false), true);
    assert_true(dts_view_find_domain(view, "x")->has_binding);
    assert_int_equal(dts_view_find_domain(view, "x")->n_fences, 1);
    dts_view_destroy(view);
}

static int
stop_server(void **state OVS_UNUSED)
{
    ovsdb_idl_destroy(idl);
    kill_server();

    char *command = xasprintf("rm -rf '%s'", dir);
    int error = system(command);
    free(command);
    free(dir);
    return error;
}

static int
start_server(void **state OVS_UNUSED)
{
    char *remote = xasprintf("unix:%s/sock", dir);

    run_server();
    idl = ovsdb_idl_create(remote, &dtsrec_idl_class, true, true);
    free(remote);
    dts_view_source_init(&source, idl);
    for (long long int until = time_msec() + 30000;
         !ovsdb_idl_has_ever_connected(idl) && time_msec() < until; ) {
        ovsdb_idl_run(idl);
        ovsdb_idl_wait(idl);
        poll_timer_wait_until(until);
        poll_block();
    }
    return !ovsdb_idl_has_ever_connected(idl);
}

int
main(int argc OVS_UNUSED, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follow),
        cmocka_unit_test(test_counter),
        cmocka_unit_test(test_node_tells),
        cmocka_unit_test(test_renamed),
        cmocka_unit_test(test_orphans),
    };
    const char *src = getenv("abs_top_srcdir");
    char template[] = "/tmp/test-view-update.XXXXXX";

    ovs_set_program_name(argv[0], "test");
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    if (system("command -v ovsdb-server ovsdb-tool >/dev/null")) {
        printf("1..0 # SKIP needs ovsdb-server (openvswitch-common)\n");
        return 77;
    }
    if (!mkdtemp(template)) {
        ovs_fatal(errno, "%s", template);
    }
    dir = xstrdup(template);

    char *create = xasprintf("ovsdb-tool create '%s/db' "
                             "'%s/remus-hooks/dts.ovsschema'", dir,
                             src ? src : ".");
    if (system(create)) {
        ovs_fatal(0, "%s failed", create);
    }
    free(create);
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
