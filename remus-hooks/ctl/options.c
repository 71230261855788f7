/* SPDX-License-Identifier: Apache-2.0 */

/* dts-ctl's own options and its help. */

#include <config.h>
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "ctl.h"
#include "openvswitch/vlog.h"
#include "stream-ssl.h"
#include "stream.h"
#include "util.h"

enum {
    OPT_DB = UCHAR_MAX + 1,
    OPT_ONELINE,
    OPT_DRY_RUN,
    OPT_UNSAFE,
    OPT_LOCAL,
    OPT_COMMANDS,
    OPT_OPTIONS,
    VLOG_OPTION_ENUMS,
    TABLE_OPTION_ENUMS,
    SSL_OPTION_ENUMS,
};

const struct option global_options[] = {
    {"db", required_argument, NULL, OPT_DB},
    {"dry-run", no_argument, NULL, OPT_DRY_RUN},
    {"oneline", no_argument, NULL, OPT_ONELINE},
    {"unsafe", no_argument, NULL, OPT_UNSAFE},
    {"timeout", required_argument, NULL, 't'},
    {"commands", no_argument, NULL, OPT_COMMANDS},
    {"options", no_argument, NULL, OPT_OPTIONS},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    VLOG_LONG_OPTIONS,
    TABLE_LONG_OPTIONS,
    STREAM_SSL_LONG_OPTIONS,
    {NULL, 0, NULL, 0},
};

static void usage(void);

static void
add_local_option(struct shash *local, const char *name, const char *value)
{
    if (shash_find(local, name)) {
        ctl_fatal("option '--%s' is given more than once", name);
    }
    shash_add_nocopy(local, xasprintf("--%s", name),
                     nullable_xstrdup(value));
}

static void
parse_timeout(const char *s)
{
    if (!str_to_uint(s, 10, &settings.timeout) || !settings.timeout) {
        ctl_fatal("--timeout=%s: write a number of seconds, 1 or more", s);
    }
}

int
parse_options(int argc, char *argv[], struct shash *local,
              struct ctl_options *o)
{
    char *tmp = ovs_cmdl_long_options_to_short_options(global_options);
    char *short_options = xasprintf("+%s", tmp);
    free(tmp);

    size_t n = 0;
    while (global_options[n].name) {
        n++;
    }
    size_t n_global = n, allocated = n + 1;
    struct option *options = xmemdup(global_options,
                                     (n + 1) * sizeof *options);
    ctl_add_cmd_options(&options, &n, &allocated, OPT_LOCAL);

    for (;;) {
        int i;
        int c = getopt_long(argc, argv, short_options, options, &i);
        if (c == -1) {
            break;
        }

        switch (c) {
        case OPT_DB:
            settings.db = optarg;
            break;
        case OPT_DRY_RUN:
            settings.dry_run = true;
            break;
        case OPT_ONELINE:
            o->oneline = true;
            break;
        case OPT_UNSAFE:
            o->unsafe = true;
            break;
        case OPT_LOCAL:
            add_local_option(local, options[i].name, optarg);
            break;
        case OPT_COMMANDS:
            ctl_print_commands();
            OVS_NOT_REACHED();
        case OPT_OPTIONS:
            ctl_print_options(global_options);
            OVS_NOT_REACHED();
        case 'h':
            usage();
            exit(DTS_EXIT_OK);
        case 'V':
            printf("dts-ctl (remus-dts) %s\nDB Schema %s\n", DTS_VERSION,
                   dtsrec_get_db_version());
            exit(DTS_EXIT_OK);
        case 't':
            parse_timeout(optarg);
            break;

        VLOG_OPTION_HANDLERS
        TABLE_OPTION_HANDLERS(&o->style)

        case 'p':
            settings.pki.private_key = optarg;
            break;
        case 'c':
            settings.pki.certificate = optarg;
            break;
        case 'C':
            settings.pki.ca_cert = optarg;
            break;
        case OPT_SSL_PROTOCOLS:
            stream_ssl_set_protocols(optarg);
            break;
        case OPT_SSL_CIPHERS:
            stream_ssl_set_ciphers(optarg);
            break;

        case '?':
            exit(DTS_EXIT_USAGE);
        default:
            OVS_NOT_REACHED();
        }
    }
    for (size_t i = n_global; options[i].name; i++) {
        free(CONST_CAST(char *, options[i].name));
    }
    free(options);
    free(short_options);

    const char *env = getenv("OVS_CTL_TIMEOUT");
    if (!settings.timeout && env && env[0]) {
        parse_timeout(env);
    }

    struct pki pki = settings.pki;
    pki_complete(&pki);
    pki_use(&pki);

    settings.json = o->style.format == TF_JSON;
    settings.json_flags = o->style.json_flags;
    return optind;
}

static void
usage(void)
{
    printf("\
dts-ctl: shows and changes what remus-dts protects, and where it runs\n\
usage: dts-ctl [OPTIONS] COMMAND [ARG...] [-- COMMAND [ARG...]]...\n\
\n\
Looking:\n\
  status [DOMAIN]             who runs what, protected or not, and why\n\
  events [DOMAIN] [--follow] [--domain=DOMAIN] [-n N]\n\
                              what happened, with the phases of failovers\n\
  show                        nodes, tunnels, networks and domains\n\
  check [--repair]            pre-flight of this node, each line with remedy\n\
  drops                       what this node's switch refused, and why\n\
  wait DOMAIN [--state=STATE[,STATE]...] [--owner=NODE] [--fenced]\n\
                              until the domain is so (default: protected)\n\
\n\
Set-up:\n\
  pki-init [--dir=DIR] [--renew] [NODE...]\n\
                              an authority, and the nodes' certificates\n\
  pki-install NODE [DIR]      put them to use on this node\n\
  init [--listen=pssl:PORT]   write the defaults into a new database, and\n\
                              who may write what\n\
  global-set KEY=VALUE...     encap-type encrypt heartbeat peer-timeout\n\
                              bfd-min-tx bfd-mult hold-down stall lease fence\n\
                              options:K\n\
  node-add NODE --roles=ROLE[,ROLE]... [--site=SITE] [--ip=IP] [--index=N]\n\
           [--replication-ip=IP] [--encap-type=TYPE] [--may-exist]\n\
  node-set NODE KEY=VALUE...  the same keys\n\
  node-del NODE               [--if-exists]\n\
  tunnel-set NODE NODE KEY=VALUE...\n\
                              NODE=IP type encrypt mtu tos bfd-min-tx\n\
                              bfd-mult options:K; an empty value: the default\n\
  tunnel-del NODE NODE        back to the defaults; [--if-exists]\n\
  network-add NETWORK --key=N [--gateway=NODE:PORT[:VLAN]]... [--mtu=N]\n\
           [--switching=flow|port] [--on-database-loss=static|closed]\n\
           [--may-exist]\n\
  network-set NETWORK KEY=VALUE...  the same keys\n\
  network-del NETWORK         [--if-exists]\n\
  domain-add DOMAIN --network=NETWORK --address='MAC [IP]...'...\n\
           --primary=NODE --secondary=NODE [--witness=NODE]\n\
           [--failover=auto|manual] [--on-loss=stop|failover]\n\
           [--realtime=rtp:LOW-HIGH]... [--realtime-unsafe] [--may-exist]\n\
  domain-set DOMAIN KEY=VALUE...    the same keys\n\
  domain-del DOMAIN           [--if-exists] [--force]\n\
\n\
Moving:\n\
  switch DOMAIN NODE          ask the owner to give DOMAIN to NODE;\n\
                              [--all]: all of its network's, [--dry-run]\n\
  switch-cancel DOMAIN        withdraw a request that was not carried out\n\
  adopt DOMAIN                accept an older database on this node\n\
\n\
%s\
\n\
Options:\n\
  --db=REMOTE[,REMOTE]...     the database (default: $DTS_DB, the socket\n\
                              " DTS_RUNDIR "/db.sock, or dts-remote in the\n\
                              local Open vSwitch's external_ids)\n\
  --dry-run                   say what would be done, change nothing\n\
  -t, --timeout=SECS          give up after SECS seconds (exit code 5)\n\
  --unsafe                    let set, add, ... change who runs what\n\
  --oneline                   print each command's output on one line\n\
  -h, --help; -V, --version; --commands; --options\n\
\n\
Exit codes: 0 ok, 1 usage, 2 not found, 3 refused as unsafe,\n\
  4 no database, 5 time-out, 6 partly done (check: there are warnings).\n",
           ctl_get_db_cmd_usage());
    table_usage();
    stream_usage("database", true, false, false);
    vlog_usage();
}
