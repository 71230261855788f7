/* SPDX-License-Identifier: Apache-2.0 */
/* `xl-remus protect`: options as in `xl remus` where they mean the same, and
 * what an operator sees meanwhile.  The work is remus_dts_protect()'s. */

#include <config.h>
#include "dts-config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "command-line.h"
#include "daemon.h"
#include "live-line.h"
#include "openvswitch/vlog.h"
#include "remus-dts/remus.h"
#include "rundir.h"
#include "svec.h"
#include "timeval.h"
#include "util.h"
#include "xl-remus.h"

VLOG_DEFINE_THIS_MODULE(protect);

#define LINE_MS 500             /* Between two states of the live line. */
#define LINE_WIDTH 79           /* Of a terminal that does not say. */
#define LINE_MAX_WIDTH 159

#ifdef HAVE_LZ4
#define DEFAULT_COMPRESS "lz4"
#else
#define DEFAULT_COMPRESS "none"
#endif

struct view {
    const char *domain;
    bool tty, quiet, detached;
    bool live;                  /* The cursor stands in the live line. */
    long long int line_at;
    struct live_copy copy;
};

/* ---------------------------------------------------------------- live line */

static void
end_line(struct view *v)
{
    if (v->live) {
        fputs("\r\033[K", stderr);
        v->live = false;
    }
}

/* Columns of the terminal, without the last one: there the cursor stands. */
static size_t
line_width(void)
{
    struct winsize w;

    return (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) || w.ws_col < 2
            ? LINE_WIDTH : MIN(w.ws_col - 1, LINE_MAX_WIDTH));
}

static void
show_line(struct view *v, const char *line)
{
    fprintf(stderr, "\r%s\033[K", line);
    v->live = true;
}

static bool
line_is_due(struct view *v)
{
    if (!v->tty || v->quiet || time_msec() < v->line_at) {
        return false;
    }
    v->line_at = time_msec() + LINE_MS;
    return true;
}

static void
copying(void *v_, uint64_t bytes, uint64_t total)
{
    char line[LINE_MAX_WIDTH + 1];
    struct view *v = v_;

    if (line_is_due(v)) {
        live_line_copy(&v->copy, v->domain, bytes, total, time_msec(), line,
                       line_width());
        show_line(v, line);
    }
}

static void
checkpoint(void *v_, const struct remus_dts_checkpoint *c)
{
    char line[LINE_MAX_WIDTH + 1];
    struct view *v = v_;

    if (line_is_due(v)) {
        live_line_checkpoint(v->domain, c, line, line_width());
        show_line(v, line);
    }
}

static void
protected_now(void *v_, const char *session OVS_UNUSED,
              const char *peer OVS_UNUSED)
{
    struct view *v = v_;

    if (v->detached) {
        daemonize_complete();   /* Whoever started us goes on now. */
        v->detached = false;
    }
}

static void
log_line(void *v_, const char *line)
{
    struct view *v = v_;

    end_line(v);
    VLOG_INFO("%s", line);
    if (!v->quiet) {
        fprintf(stderr, "xl-remus: %s\n", line);
    }
}

static const struct remus_dts_callbacks callbacks = {
    .copying = copying,
    .protected_ = protected_now,
    .checkpoint = checkpoint,
    .log = log_line,
};

/* ------------------------------------------------------------------- options */

static void
usage(void)
{
    puts("usage: xl-remus protect [OPTIONS] DOMAIN [HOST]\n"
         "Copies DOMAIN to HOST (default: its standby) again and again, until "
         "xl-remus unprotect,\nSIGTERM or ^C; the guest goes on here then.\n\n"
         "As in xl remus:\n"
         "  -i MS               from one checkpoint to the next (200)\n"
         "  --max-interval=MS   say when it is longer (2000, or 10 times -i)\n"
         "  -n, --no-buffer     do not hold output until it is committed\n"
         "  -d                  writable disks are replicated by other means\n"
         "  -u                  no compression on the wire (else "
         DEFAULT_COMPRESS")\n"
         "  -F                  in the foreground (without --detach it is)\n"
         "New:\n"
         "  --realtime=CLASS    output that is not held: [to:]udp|rtp:PORT"
         "[-PORT][/dscp=N]\n"
         "  --realtime-unsafe   permits srtp: in --realtime\n"
         "  --max-held=MB       held for each vif, at most (64)\n"
         "  --once              end when the peer is lost, instead of "
         "protecting again\n"
         "  --compress=none|lz4|zstd, --delta-cache=MB, --max-buffer=MB, "
         "--bandwidth=BITS\n"
         "                      of the link: dts-link(8)\n"
         "  --peer-timeout=MS   instead of what the database says\n"
         "  --link-option=OPT   for dts-link; may be repeated\n"
         "  --link=PROGRAM, --save-helper=PROGRAM\n"
         "  --quiet             no progress, only errors\n"
         "  --detach            a daemon, from when the domain is protected\n"
         "  --pidfile[=FILE], --log-file[=FILE], --control=SOCKET");
}

static int
refuse_option(int c)
{
    switch (c) {
    case 'b':
        return fail(DTS_EXIT_USAGE, "-b sends checkpoints nowhere and "
                    "protects nothing: to measure, use xl remus -F -b -n -d");
    case 'e':
        return fail(DTS_EXIT_USAGE, "-e is the receiver's: "
                    "DTS_RECEIVER='xl-remus receive -e' in "
                    "/etc/default/remus-dts-link of the other node");
    case 'N':
        return fail(DTS_EXIT_USAGE, "-N: the buffer is laid without a "
                    "script; -n does without a buffer");
    case 's':
        return fail(DTS_EXIT_USAGE, "-s: the stream is carried by dts-link; "
                    "--link names another program that does what it does");
    case 'c':
    case 'p':
        return fail(DTS_EXIT_USAGE, "COLO is not done here: xl remus -c");
    }
    return fail(DTS_EXIT_USAGE, "xl-remus protect --help shows the options");
}

enum {
    OPT_REALTIME = UCHAR_MAX + 1,
    OPT_UNSAFE,
    OPT_HELD,
    OPT_ONCE,
    OPT_COMPRESS,
    OPT_FOR_LINK,
    OPT_LINK,
    OPT_LINK_OPTION,
    OPT_HELPER,
    OPT_QUIET,
    OPT_DETACH_,
    OPT_PIDFILE_,
    OPT_LOG_FILE_,
    OPT_CONTROL,
    OPT_MAX_INTERVAL,
};

static const struct option options[] = {
    {"interval", required_argument, NULL, 'i'},
    {"max-interval", required_argument, NULL, OPT_MAX_INTERVAL},
    {"no-buffer", no_argument, NULL, 'n'},
    {"unreplicated-disks", no_argument, NULL, 'd'},
    {"realtime", required_argument, NULL, OPT_REALTIME},
    {"realtime-unsafe", no_argument, NULL, OPT_UNSAFE},
    {"max-held", required_argument, NULL, OPT_HELD},
    {"once", no_argument, NULL, OPT_ONCE},
    {"peer-timeout", required_argument, NULL, OPT_FOR_LINK},
    {"compress", required_argument, NULL, OPT_COMPRESS},
    {"delta-cache", required_argument, NULL, OPT_FOR_LINK},
    {"max-buffer", required_argument, NULL, OPT_FOR_LINK},
    {"bandwidth", required_argument, NULL, OPT_FOR_LINK},
    {"link", required_argument, NULL, OPT_LINK},
    {"link-option", required_argument, NULL, OPT_LINK_OPTION},
    {"save-helper", required_argument, NULL, OPT_HELPER},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"detach", no_argument, NULL, OPT_DETACH_},
    {"pidfile", optional_argument, NULL, OPT_PIDFILE_},
    {"log-file", optional_argument, NULL, OPT_LOG_FILE_},
    {"control", required_argument, NULL, OPT_CONTROL},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool
number(const char *s, int min, int max, int *n)
{
    return str_to_int(s, 10, n) && *n >= min && *n <= max;
}

/* A daemon, with its log; returns in the child. */
static int
detach(const char *log_file, const char *pidfile)
{
    if (log_file) {
        int fd = open(log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                      0640);

        if (fd < 0) {
            return fail(DTS_EXIT_PARTLY, "%s: %s", log_file,
                        ovs_strerror(errno));
        }
        /* libxl and what it runs write there, too. */
        dup2(fd, STDERR_FILENO);
        close(fd);
        daemon_save_fd(STDERR_FILENO);
    }
    set_detach();
    if (pidfile) {
        set_pidfile(pidfile);
        ignore_existing_pidfile();
    }
    daemonize_start(false);
    return 0;
}

int
cmd_protect(int argc, char *argv[])
{
    struct remus_dts_protect o = { .version = REMUS_DTS_VERSION,
                                   .buffer = true };
    struct svec realtime = SVEC_EMPTY_INITIALIZER;
    struct svec link_args = SVEC_EMPTY_INITIALIZER;
    struct view view = { .tty = isatty(STDERR_FILENO) };
    const char *pidfile = NULL, *compress = DEFAULT_COMPRESS;
    char *log_file = NULL, *default_pidfile, *error;
    bool want_detach = false, want_pidfile = false, want_log = false;
    int c, n, i, status = 0;

    optind = 0;
    while ((c = getopt_long(argc, argv, "+i:ndubFeN:s:cph", options, &i))
           != -1) {
        switch (c) {
        case 'i':
            if (!number(optarg, 1, 60000, &o.interval_ms)) {
                return fail(DTS_EXIT_USAGE, "-i %s: 1 to 60000 ms", optarg);
            }
            break;
        case OPT_MAX_INTERVAL:
            if (!number(optarg, 1, 600000, &o.max_interval_ms)) {
                return fail(DTS_EXIT_USAGE, "--max-interval=%s: 1 to 600000 "
                            "ms", optarg);
            }
            break;
        case 'n': o.buffer = false; break;
        case 'd': o.unreplicated_disks = true; break;
        case 'u': compress = "none"; break;
        case 'F': break;
        case OPT_REALTIME: svec_add(&realtime, optarg); break;
        case OPT_UNSAFE: o.realtime_unsafe = true; break;
        case OPT_HELD:
            if (!number(optarg, 1, 4095, &n)) {
                return fail(DTS_EXIT_USAGE, "--max-held=%s: 1 to 4095 MB",
                            optarg);
            }
            o.buffer_bytes = (uint64_t) n << 20;
            break;
        case OPT_ONCE: o.once = true; break;
        case OPT_COMPRESS: compress = optarg; break;
        case OPT_FOR_LINK:
            svec_add_nocopy(&link_args, xasprintf("--%s=%s",
                                                  options[i].name, optarg));
            break;
        case OPT_LINK: o.link = optarg; break;
        case OPT_LINK_OPTION: svec_add(&link_args, optarg); break;
        case OPT_HELPER: o.save_helper = optarg; break;
        case OPT_QUIET: view.quiet = true; break;
        case OPT_DETACH_: want_detach = true; break;
        case OPT_PIDFILE_: want_pidfile = true; pidfile = optarg; break;
        case OPT_LOG_FILE_:
            want_log = true;
            log_file = nullable_xstrdup(optarg);
            break;
        case OPT_CONTROL: o.control = optarg; break;
        case 'h': usage(); return DTS_EXIT_OK;
        default: return refuse_option(c);
        }
    }
    if (argc - optind < 1 || argc - optind > 2) {
        return fail(DTS_EXIT_USAGE, "usage: xl-remus protect [OPTIONS] DOMAIN "
                    "[HOST]");
    }
    o.domain = view.domain = argv[optind];
    o.host = argv[optind + 1];
    svec_add_nocopy(&link_args, xasprintf("--compress=%s", compress));
    svec_terminate(&realtime);
    svec_terminate(&link_args);
    o.realtime = (const char *const *) realtime.names;
    o.link_args = (const char *const *) link_args.names;
    if (want_log && !log_file) {
        log_file = xasprintf("/var/log/remus-dts/xl-remus-%s.log", o.domain);
    }
    default_pidfile = xasprintf("%s/xl-remus.%s.pid", dts_rundir(), o.domain);
    if (want_detach) {
        status = detach(log_file, want_pidfile && !pidfile ? default_pidfile
                        : pidfile);
        view.detached = true;
        view.tty = false;
    }
    if (!status) {
        status = remus_dts_protect(&o, &callbacks, &view, &error);
        end_line(&view);
        if (status) {
            fail(status, "%s", error);
            free(error);
        }
    }
    svec_destroy(&realtime);
    svec_destroy(&link_args);
    free(log_file);
    free(default_pidfile);
    return status;
}
