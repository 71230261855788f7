/* SPDX-License-Identifier: Apache-2.0 */
/* dts-link: carries a Remus stream between two nodes, with a failure detector.
 *
 * xl runs `dts-link DOMAIN` on the primary as the command that carries the
 * stream (send.c); on the secondary `dts-link --listen` (listen.c) makes a
 * process for each session (accept.c, receive.c), which runs
 * `xl migrate-receive -r`.  `dts-link --check DOMAIN` talks to a program there
 * instead, which says whether that would do (check.c).
 * The protocols are in docs/protocol.md. */

#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command-line.h"
#include "daemon.h"
#include "dirs.h"
#include "fatal-signal.h"
#include "link.h"
#include "openvswitch/vlog.h"
#include "pki.h"
#include "pki-watch.h"
#include "remus-dts/exit.h"
#include "stream.h"
#include "stream-ssl.h"
#include "unixctl.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(dts_link);

#define DEFAULT_RECEIVER "xl migrate-receive -r"
#define DEFAULT_CHECKER "xl-remus check --answer"
#define DEFAULT_SPOOL DTS_LOCALSTATEDIR "/spool"
#define DEFAULT_LOGDIR "/var/log/remus-dts"
#define DEFAULT_MEMORY_MB 64
#define DEFAULT_MAX_BUFFER_MB 64
#define DEFAULT_DELTA_CACHE_MB 64
#define DEFAULT_DSCP 8          /* CS1: whatever else there is comes first. */

static bool listening;
static bool checking;
static bool detach;
static char *unixctl_path;
static struct pki pki;

static void OVS_NO_RETURN
usage(void)
{
    printf("%s: carries a Remus stream between two nodes\n"
           "usage: %s [OPTIONS] DOMAIN [HOST]   (run by xl remus)\n"
           "       %s [OPTIONS] --check DOMAIN [HOST]\n"
           "                                    (run by xl-remus check)\n"
           "       %s [OPTIONS] --listen        (on the other node)\n"
           "HOST: a node's name or an address; by default the agent knows.\n",
           program_name, program_name, program_name, program_name);
    stream_usage("peer", false, false, false);
    daemon_usage();
    vlog_usage();
    printf("\nOptions:\n"
           "  --listen               receive sessions\n"
           "  --bind=ADDRESS[:PORT]  listen there (default: the agent knows)\n"
           "  --receiver=COMMAND     xl's receiver (default: %s)\n"
           "  --checker=COMMAND      answers checks (default: %s)\n"
           "  --receiver-log=DIR     its stderr goes to DIR/xl-DOMAIN.log\n"
           "  --save-helper=PROGRAM  LIBXL_SAVE_HELPER of the receiver\n"
           "  --spool=DIR            for checkpoints larger than --memory\n"
           "  --memory=MB            held in memory, a session (default: %d)\n"
           "  --events-fd=N          tells what happens there (xl-remus)\n"
           "  --compress=none|lz4|zstd\n"
           "                         the stream (default: none; built with "
           "%s)\n"
           "  --delta-cache=MB       of pages, to send differences (%d)\n"
           "  --max-buffer=MB        of the stream, not sent yet (%d)\n"
           "  --bandwidth=BITS[k|M|G]\n"
           "                         a second, at most\n"
           "  --dscp=0..63           of the stream's packets (%d, CS1)\n"
           "  --insecure             plain TCP, on both ends\n"
           "  --agent-socket=PATH    of the agent\n"
           "  --timeout=MS           for each step of the beginning (5000)\n"
           "  --heartbeat=MS, --peer-timeout=MS\n"
           "                         instead of what the agent says\n"
           "  --unixctl=SOCKET       control socket of --listen\n"
           "  -h, --help             this text\n"
           "  -V, --version          version\n",
           DEFAULT_RECEIVER, DEFAULT_CHECKER, DEFAULT_MEMORY_MB,
           pack_method_name(pack_method_default()), DEFAULT_DELTA_CACHE_MB,
           DEFAULT_MAX_BUFFER_MB, DEFAULT_DSCP);
    exit(DTS_EXIT_OK);
}

static int
number(const char *option, const char *s, int min, int max)
{
    char *end;
    long int x = strtol(s, &end, 10);

    if (!*s || *end || x < min || x > max) {
        fprintf(stderr, "%s: --%s=%s: a number from %d to %d is needed\n",
                program_name, option, s, min, max);
        exit(DTS_EXIT_USAGE);
    }
    return x;
}

/* Bits a second: "20M", "512k", "1000000"; also "20Mbit" as in tc(8). */
static uint64_t
bits(const char *option, const char *s)
{
    char *end;
    unsigned long long int x = strtoull(s, &end, 10);
    uint64_t unit = 1;

    if (*end == 'k' || *end == 'K') {
        unit = 1000;
    } else if (*end == 'M' || *end == 'm') {
        unit = 1000000;
    } else if (*end == 'G' || *end == 'g') {
        unit = 1000000000;
    }
    end += unit > 1;
    if (end == s || *s < '0' || *s > '9' || (*end && strcasecmp(end, "bit"))
        || x > UINT64_C(1000000000000) / unit || x * unit < 8000) {
        fprintf(stderr, "%s: --%s=%s: bits a second are needed, 8k at least, "
                "like 20M\n", program_name, option, s);
        exit(DTS_EXIT_USAGE);
    }
    return x * unit;
}

static void
set_compress(struct link_options *o, const char *name)
{
    if (!pack_method_from_name(name, &o->compress)) {
        fprintf(stderr, "%s: --compress=%s: none, lz4 or zstd is needed\n",
                program_name, name);
        exit(DTS_EXIT_USAGE);
    } else if (!pack_method_supported(o->compress)) {
        fprintf(stderr, "%s: --compress=%s: not in this build\n",
                program_name, name);
        exit(DTS_EXIT_REFUSED);
    }
    o->pack = o->compress != PACK_STORED;
}

static void
parse_options(int argc, char *argv[], struct link_options *o)
{
    enum {
        OPT_LISTEN = UCHAR_MAX + 1,
        OPT_CHECK,
        OPT_BIND,
        OPT_RECEIVER,
        OPT_CHECKER,
        OPT_RECEIVER_LOG,
        OPT_SAVE_HELPER,
        OPT_SPOOL,
        OPT_MEMORY,
        OPT_EVENTS_FD,
        OPT_COMPRESS,
        OPT_DELTA_CACHE,
        OPT_MAX_BUFFER,
        OPT_BANDWIDTH,
        OPT_DSCP,
        OPT_INSECURE,
        OPT_AGENT_SOCKET,
        OPT_TIMEOUT,
        OPT_HEARTBEAT,
        OPT_PEER_TIMEOUT,
        OPT_UNIXCTL,
        VLOG_OPTION_ENUMS,
        DAEMON_OPTION_ENUMS,
        SSL_OPTION_ENUMS,
    };
    static const struct option long_options[] = {
        {"listen", no_argument, NULL, OPT_LISTEN},
        {"check", no_argument, NULL, OPT_CHECK},
        {"bind", required_argument, NULL, OPT_BIND},
        {"receiver", required_argument, NULL, OPT_RECEIVER},
        {"checker", required_argument, NULL, OPT_CHECKER},
        {"receiver-log", required_argument, NULL, OPT_RECEIVER_LOG},
        {"save-helper", required_argument, NULL, OPT_SAVE_HELPER},
        {"spool", required_argument, NULL, OPT_SPOOL},
        {"memory", required_argument, NULL, OPT_MEMORY},
        {"events-fd", required_argument, NULL, OPT_EVENTS_FD},
        {"compress", required_argument, NULL, OPT_COMPRESS},
        {"delta-cache", required_argument, NULL, OPT_DELTA_CACHE},
        {"max-buffer", required_argument, NULL, OPT_MAX_BUFFER},
        {"bandwidth", required_argument, NULL, OPT_BANDWIDTH},
        {"dscp", required_argument, NULL, OPT_DSCP},
        {"insecure", no_argument, NULL, OPT_INSECURE},
        {"agent-socket", required_argument, NULL, OPT_AGENT_SOCKET},
        {"timeout", required_argument, NULL, OPT_TIMEOUT},
        {"heartbeat", required_argument, NULL, OPT_HEARTBEAT},
        {"peer-timeout", required_argument, NULL, OPT_PEER_TIMEOUT},
        {"unixctl", required_argument, NULL, OPT_UNIXCTL},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        VLOG_LONG_OPTIONS,
        DAEMON_LONG_OPTIONS,
        STREAM_SSL_LONG_OPTIONS,
        {NULL, 0, NULL, 0},
    };
    char *short_options = ovs_cmdl_long_options_to_short_options(long_options);
    int c;

    while ((c = getopt_long(argc, argv, short_options, long_options, NULL))
           != -1) {
        switch (c) {
        case OPT_LISTEN:
            listening = true;
            break;
        case OPT_CHECK:
            checking = true;
            break;
        case OPT_BIND:
            o->bind = optarg;
            break;
        case OPT_RECEIVER:
            o->receiver = optarg;
            break;
        case OPT_CHECKER:
            o->checker = optarg;
            break;
        case OPT_RECEIVER_LOG:
            o->receiver_log_dir = optarg;
            break;
        case OPT_SAVE_HELPER:
            o->save_helper = optarg;
            break;
        case OPT_SPOOL:
            o->spool_dir = optarg;
            break;
        case OPT_MEMORY:
            o->memory = (size_t) number("memory", optarg, 1, 65536)
                        * 1024 * 1024;
            break;
        case OPT_EVENTS_FD:
            o->events_fd = number("events-fd", optarg, 3, INT_MAX);
            break;
        case OPT_COMPRESS:
            set_compress(o, optarg);
            break;
        case OPT_DELTA_CACHE:
            o->delta_cache = number("delta-cache", optarg, 0,
                                    PACK_MAX_CACHE_MB);
            break;
        case OPT_MAX_BUFFER:
            o->max_buffer = (size_t) number("max-buffer", optarg, 1, 65536)
                            * 1024 * 1024;
            break;
        case OPT_BANDWIDTH:
            o->bandwidth = bits("bandwidth", optarg);
            break;
        case OPT_DSCP:
            o->dscp = number("dscp", optarg, 0, 63);
            break;
        case OPT_INSECURE:
            o->insecure = true;
            break;
        case OPT_AGENT_SOCKET:
            o->agent_socket = optarg;
            break;
        case OPT_TIMEOUT:
            o->timeout = number("timeout", optarg, 1, 600000);
            break;
        case OPT_HEARTBEAT:
            o->heartbeat = number("heartbeat", optarg, 1, 60000);
            break;
        case OPT_PEER_TIMEOUT:
            o->peer_timeout = number("peer-timeout", optarg, 2, 600000);
            break;
        case OPT_UNIXCTL:
            unixctl_path = optarg;
            break;
        case 'h':
            usage();
        case 'V':
            ovs_print_version(0, 0);
            exit(DTS_EXIT_OK);
        case 'p':
            pki.private_key = optarg;
            break;
        case 'c':
            pki.certificate = optarg;
            break;
        case 'C':
            pki.ca_cert = optarg;
            break;
        case OPT_SSL_PROTOCOLS:
            stream_ssl_set_protocols(optarg);
            break;
        case OPT_SSL_CIPHERS:
            stream_ssl_set_ciphers(optarg);
            break;
        VLOG_OPTION_HANDLERS
        case OPT_DETACH:
            detach = true;
            set_detach();
            break;
        case OPT_NO_SELF_CONFINEMENT:
            daemon_disable_self_confinement();
            break;
        case OPT_NO_CHDIR:
            set_no_chdir();
            break;
        case OPT_PIDFILE:
            set_pidfile(optarg);
            break;
        case OPT_OVERWRITE_PIDFILE:
            ignore_existing_pidfile();
            break;
        case OPT_MONITOR:
            daemon_set_monitor();
            break;
        case OPT_USER_GROUP:
            daemon_set_new_user(optarg);
            break;
        default:
            fprintf(stderr, "%s --help shows the options\n", program_name);
            exit(DTS_EXIT_USAGE);
        }
    }
    free(short_options);
    argc -= optind;
    argv += optind;
    if (listening ? argc != 0 || checking : argc < 1 || argc > 2) {
        fprintf(stderr, "usage: %s [OPTIONS] [--check] DOMAIN [HOST], or %s "
                "[OPTIONS] --listen\n", program_name, program_name);
        exit(DTS_EXIT_USAGE);
    }
    if (!listening) {
        o->domain = argv[0];
        o->host = argc > 1 ? argv[1] : NULL;
    }
}

/* TLS, by the files that were named or by those in the usual place. */
static void
configure_tls(struct link_options *o)
{
    if (o->insecure) {
        return;
    }
    pki_complete(&pki);
    if (!pki_is_complete(&pki)) {
        fprintf(stderr, "%s: no key and certificates for TLS: put them into "
                "%s/{privkey,cert,cacert}.pem, name them by -p, -c and -C, or "
                "use --insecure on both ends\n", program_name, DTS_PKI_DIR);
        exit(DTS_EXIT_REFUSED);
    }
    pki_use(&pki);
    pki_watch(&pki);
    if (!stream_ssl_is_configured()) {
        fprintf(stderr, "%s: the key and certificates cannot be used\n",
                program_name);
        exit(DTS_EXIT_REFUSED);
    }
}

static const char *
first_directory(const char *a, const char *b, const char *c)
{
    struct stat st;

    return (a && !stat(a, &st) && S_ISDIR(st.st_mode) ? a
            : b && !stat(b, &st) && S_ISDIR(st.st_mode) ? b : c);
}

int
main(int argc, char *argv[])
{
    struct link_options o = {
        .timeout = 5000,
        .events_fd = -1,
        .receiver = DEFAULT_RECEIVER,
        .checker = DEFAULT_CHECKER,
        .memory = (size_t) DEFAULT_MEMORY_MB * 1024 * 1024,
        .save_helper = getenv("LIBXL_SAVE_HELPER"),
        .pack = true,           /* What comes packed is taken. */
        .compress = PACK_STORED,
        .delta_cache = DEFAULT_DELTA_CACHE_MB,
        .max_buffer = (size_t) DEFAULT_MAX_BUFFER_MB * 1024 * 1024,
        .dscp = DEFAULT_DSCP,
    };
    struct unixctl_server *unixctl;
    int error;

    ovs_cmdl_proctitle_init(argc, argv);
    ovs_set_program_name(argv[0], DTS_VERSION);
    fatal_ignore_sigpipe();
    if (!o.save_helper || !o.save_helper[0]) {
        o.save_helper = DTS_LIBEXECDIR "/dts-save-helper";
    }
    parse_options(argc, argv, &o);
    if (!listening && o.compress == PACK_STORED) {
        o.pack = false;
    }
    configure_tls(&o);
    if (!o.spool_dir) {
        const char *tmp = getenv("TMPDIR");

        mkdir(DEFAULT_SPOOL, 0700);
        o.spool_dir = first_directory(DEFAULT_SPOOL, tmp, DEFAULT_SPOOL);
    }
    if (checking) {
        return link_check(&o);
    } else if (!listening) {
        /* xl has these descriptors of ours for itself. */
        return link_send(&o);
    }
    if (detach && !o.receiver_log_dir) {
        o.receiver_log_dir = first_directory(getenv("DTS_LOGDIR"),
                                             DEFAULT_LOGDIR, NULL);
    }
    daemonize_start(false);
    error = unixctl_server_create(unixctl_path, &unixctl);
    if (error) {
        VLOG_FATAL("cannot make the control socket (%s)",
                   ovs_strerror(error));
    }
    error = link_listen(&o, unixctl);
    unixctl_server_destroy(unixctl);
    return error;
}
