/* SPDX-License-Identifier: Apache-2.0 */

/* dts-agent: one daemon a node, the same on servers, gateways and routers.
 *
 * It follows the DTS database (db.c) and makes the local Open vSwitch as the
 * database says (switch.c); on a server it watches the guests (guests.c),
 * serves links, gates and the vif program (server.c), and takes part in who
 * runs a domain (takeover.c).  On a gateway it is the witness, and its receipt
 * of a switch is what a survivor waits for.
 *
 * One thread runs all this in rounds and waits only in poll_block(); xenstore,
 * whose library blocks, has a thread of its own (xs.c). */

#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "daemon.h"
#include "db.h"
#include "dirs.h"
#include "fatal-signal.h"
#include "guests.h"
#include "hooks.h"
#include "ipsec.h"
#include "memory.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vconn.h"
#include "openvswitch/vlog.h"
#include "pki.h"
#include "pki-watch.h"
#include "rundir.h"
#include "server.h"
#include "simap.h"
#include "smap.h"
#include "status.h"
#include "stream-ssl.h"
#include "stream.h"
#include "switch.h"
#include "takeover.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(agent);

static char *ovs_remote;
static char *db_remote_option;
static char *socket_path;
static char *unixctl_path;
static char *hooks_dir;
static char *domwatch;

static void parse_options(int argc, char *argv[]);
OVS_NO_RETURN static void usage(void);
static unixctl_cb_func agent_exit;

static void
on_fenced(const char *domain, int64_t generation, long long int seen,
          long long int programmed, long long int fenced, void *aux OVS_UNUSED)
{
    takeover_fenced(domain, generation, seen, programmed, fenced);
}

static void
on_reach(const char *peer, enum dts_reach state, const char *diag,
         void *aux OVS_UNUSED)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(30, 60);

    VLOG_INFO_RL(&rl, "%s is %s (%s)", peer,
                 state == DTS_REACH_UP ? "up"
                 : state == DTS_REACH_DOWN ? "down" : "unknown", diag);
    db_put_reach(peer, state, diag);
}

static void
on_first_frame(const char *domain, int64_t generation, long long int mono_us,
               void *aux OVS_UNUSED)
{
    takeover_first_frame(domain, generation, mono_us);
}

static const struct switch_callbacks callbacks = {
    .fenced = on_fenced,
    .reach = on_reach,
    .first_frame = on_first_frame,
};

/* Publishes what this node is, when that has changed. */
static void
publish(const struct switch_config *config)
{
    struct smap status = SMAP_INITIALIZER(&status);

    smap_add(&status, "xenstore", guests_known() ? "ok" : "none");
    db_put_node(config->encap_ip, config->encap, &status);
    smap_destroy(&status);
}

static void
run(void)
{
    struct switch_config config;
    bool configured = switch_get_config(&config);
    struct dts_view_local local;

    pki_watch_run();
    if (configured) {
        local = (struct dts_view_local) {
            .node = config.node,
            .encap_ip = config.encap_ip,
        };
        db_run(config.remote, &local);
        publish(&config);
    }
    guests_run();
    takeover_filter(db_view(), db_cookie());
    if (db_receipts_pending() || takeover_is_recent()) {
        switch_put_off_marks();
    }
    switch_run(db_view(), db_cookie(), db_is_connected());
    server_run();
    takeover_run(db_view());
    db_flush();
    hooks_run();
}

static void
wait(void)
{
    pki_watch_wait();
    db_wait();
    guests_wait();
    switch_wait();
    server_wait();
    takeover_wait();
    hooks_wait();
}

int
main(int argc, char *argv[])
{
    struct unixctl_server *unixctl;
    bool exiting = false;
    int retval;

    ovs_cmdl_proctitle_init(argc, argv);
    ovs_set_program_name(argv[0], DTS_VERSION);
    /* An update of ten thousand rows is hundred thousands of small blocks that
     * come and go between a few large ones; at each of those glibc would join
     * all that are free. */
    mallopt(M_MXFAST, 0);
    service_start(&argc, &argv);
    parse_options(argc, argv);
    fatal_ignore_sigpipe();
    daemonize_start(false);

    retval = unixctl_server_create(unixctl_path, &unixctl);
    if (retval) {
        exit(EXIT_FAILURE);
    }
    unixctl_command_register("exit", "", 0, 0, agent_exit, &exiting);

    retval = server_init(socket_path);
    if (retval) {
        ovs_fatal(retval == EADDRINUSE ? 0 : retval,
                  retval == EADDRINUSE
                  ? "another dts-agent serves %s: stop it first"
                  : "cannot listen on %s", socket_path);
    }
    status_init();
    hooks_init(hooks_dir);
    switch_init(ovs_remote, &callbacks);
    db_init(db_remote_option);
    takeover_init();
    daemonize_complete();
    guests_init(domwatch);      /* After the fork: it has a thread. */
    VLOG_INFO("dts-agent %s started", DTS_VERSION);

    while (!exiting) {
        memory_run();
        if (memory_should_report()) {
            struct simap usage = SIMAP_INITIALIZER(&usage);

            memory_report(&usage);
            simap_destroy(&usage);
        }
        run();
        unixctl_server_run(unixctl);

        memory_wait();
        wait();
        unixctl_server_wait(unixctl);
        if (exiting) {
            poll_immediate_wake();
        }
        poll_block();
        if (should_service_stop()) {
            exiting = true;
        }
    }

    server_destroy();
    guests_destroy();
    db_destroy();
    switch_destroy();
    unixctl_server_destroy(unixctl);
    service_stop();
    VLOG_INFO("dts-agent ended; the flows stay");
    return 0;
}

static void
agent_exit(struct unixctl_conn *conn, int argc OVS_UNUSED,
           const char *argv[] OVS_UNUSED, void *exiting_)
{
    bool *exiting = exiting_;

    *exiting = true;
    unixctl_command_reply(conn, NULL);
}

static void
parse_options(int argc, char *argv[])
{
    enum {
        OPT_DB = UCHAR_MAX + 1, OPT_OVS_DB, OPT_SOCKET, OPT_UNIXCTL,
        OPT_HOOKS, OPT_DOMWATCH, OPT_BOOTSTRAP_CA_CERT, OPT_PEER_CA_CERT,
        DAEMON_OPTION_ENUMS, VLOG_OPTION_ENUMS, SSL_OPTION_ENUMS,
    };
    static const struct option long_options[] = {
        {"db", required_argument, NULL, OPT_DB},
        {"ovs-db", required_argument, NULL, OPT_OVS_DB},
        {"agent-socket", required_argument, NULL, OPT_SOCKET},
        {"unixctl", required_argument, NULL, OPT_UNIXCTL},
        {"hooks-dir", required_argument, NULL, OPT_HOOKS},
        {"domwatch", required_argument, NULL, OPT_DOMWATCH},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        DAEMON_LONG_OPTIONS,
        VLOG_LONG_OPTIONS,
        STREAM_SSL_LONG_OPTIONS,
        {"bootstrap-ca-cert", required_argument, NULL, OPT_BOOTSTRAP_CA_CERT},
        {"peer-ca-cert", required_argument, NULL, OPT_PEER_CA_CERT},
        {NULL, 0, NULL, 0},
    };
    char *short_options = ovs_cmdl_long_options_to_short_options(long_options);
    struct pki pki = { .private_key = NULL };

    ovs_remote = xasprintf("unix:%s/db.sock", ovs_rundir());
    socket_path = xasprintf("%s/agent.sock", dts_rundir());
    hooks_dir = xstrdup(DTS_SYSCONFDIR "/hooks.d");
    domwatch = xstrdup(DTS_LIBEXECDIR "/dts-domwatch");

    for (;;) {
        int c = getopt_long(argc, argv, short_options, long_options, NULL);
        if (c == -1) {
            break;
        }
        switch (c) {
        case OPT_DB:
            free(db_remote_option);
            db_remote_option = xstrdup(optarg);
            break;
        case OPT_OVS_DB:
            free(ovs_remote);
            ovs_remote = xstrdup(optarg);
            break;
        case OPT_SOCKET:
            free(socket_path);
            socket_path = xstrdup(optarg);
            break;
        case OPT_UNIXCTL:
            free(unixctl_path);
            unixctl_path = xstrdup(optarg);
            break;
        case OPT_HOOKS:
            free(hooks_dir);
            hooks_dir = xstrdup(optarg);
            break;
        case OPT_DOMWATCH:
            free(domwatch);
            domwatch = xstrdup(optarg);
            break;
        case 'h':
            usage();
        case 'V':
            ovs_print_version(0, 0);
            exit(EXIT_SUCCESS);
        case 'p':
            pki.private_key = optarg;
            break;
        case 'c':
            pki.certificate = optarg;
            break;
        case 'C':
        case OPT_BOOTSTRAP_CA_CERT:
            pki.ca_cert = optarg;
            pki.bootstrap_ca = c == OPT_BOOTSTRAP_CA_CERT;
            break;
        case OPT_PEER_CA_CERT:
            stream_ssl_set_peer_ca_cert_file(optarg);
            break;
        DAEMON_OPTION_HANDLERS
        VLOG_OPTION_HANDLERS
        case OPT_SSL_PROTOCOLS:
            stream_ssl_set_protocols(optarg);
            break;
        case OPT_SSL_CIPHERS:
            stream_ssl_set_ciphers(optarg);
            break;
        case '?':
            exit(EXIT_FAILURE);
        default:
            abort();
        }
    }
    free(short_options);
    if (optind < argc) {
        ovs_fatal(0, "unexpected argument \"%s\"; use --help for usage",
                  argv[optind]);
    }
    pki_complete(&pki);
    pki_use(&pki);
    pki_watch(&pki);
    ipsec_set_pki(&pki);
}

static void
usage(void)
{
    printf("%s: remus-dts agent of a node\n"
           "usage: %s [OPTIONS]\n"
           "The node's name and the database are read from the local "
           "Open_vSwitch table\n"
           "(external_ids:dts-node, dts-remote, dts-encap-ip; see "
           "dts-agent(8)).\n\n"
           "  --db=REMOTE           the DTS database, instead of dts-remote\n"
           "  --ovs-db=REMOTE       the local Open_vSwitch database\n"
           "                        (default: %s)\n"
           "  --agent-socket=PATH   socket for links, gates and the vif "
           "program\n"
           "                        (default: %s)\n"
           "  --unixctl=PATH        socket of ovs-appctl\n"
           "  --hooks-dir=DIR       hook scripts (default: %s)\n"
           "  --domwatch=PROGRAM    tells the hypervisor's word (default: "
           "%s);\n"
           "                        \"\": none\n",
           program_name, program_name, ovs_remote, socket_path, hooks_dir,
           domwatch);
    stream_usage("remote", true, false, true);
    daemon_usage();
    vlog_usage();
    printf("\nOther options:\n"
           "  -h, --help            display this help message\n"
           "  -V, --version         display version information\n");
    exit(EXIT_SUCCESS);
}
