/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "plot.h"
#include "report.h"
#include "util.h"

/* dts-rtpstat: how good was the voice, and how long was it gone?
 *
 * This file is the command line only.  The captures it names are read one
 * after the other (capture.c) into tables of streams (streams.c), of which
 * the report (report.c) and the picture (plot.c) are made.
 *
 * Options that say something about a capture speak of the one named by the
 * last --compare before them, or of the first capture if there is none. */

enum {
    EXIT_OK = 0,
    EXIT_USAGE = 1,
    EXIT_NOT_FOUND = 2,
    EXIT_PARTIAL = 6,
};

#define MAX_CAPTURES 8

struct settings {
    struct stream_options streams;
    struct capture captures[MAX_CAPTURES]; /* The first: FILE or IFACE. */
    size_t n_captures;
    const char *iface;
    double duration;
    const char *filter;
    enum report_format format;
    const char *plot;
    const char *title;
};

static void usage(void);
static void parse_options(int argc, char *argv[], struct settings *);
static int read_captures(struct settings *);

OVS_NO_RETURN OVS_PRINTF_FORMAT(1, 2)
static void
die_usage(const char *format, ...)
{
    va_list args;
    fprintf(stderr, "dts-rtpstat: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, " (dts-rtpstat --help tells more)\n");
    exit(EXIT_USAGE);
}

int
main(int argc, char *argv[])
{
    static struct settings settings;
    struct settings *s = &settings;

    set_program_name(argv[0]);
    parse_options(argc, argv, s);

    int status = read_captures(s);
    if (status != EXIT_OK && status != EXIT_PARTIAL) {
        return status;
    }

    struct ds ds = DS_EMPTY_INITIALIZER;
    report_format(s->captures, s->n_captures, s->format, &ds);
    fwrite(ds.string, ds.length, 1, stdout);
    ds_destroy(&ds);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "dts-rtpstat: cannot write the report: %s\n",
                ovs_strerror(errno));
        status = EXIT_PARTIAL;
    }

    if (s->plot) {
        char *error = plot_draw(s->captures, s->n_captures, s->plot,
                                s->title);
        if (error) {
            fprintf(stderr, "dts-rtpstat: %s\n", error);
            free(error);
            status = EXIT_PARTIAL;
        }
    }
    for (size_t i = 0; i < s->n_captures; i++) {
        struct capture *c = &s->captures[i];
        size_t n;
        free(stream_table_sorted(&c->table, &n));
        if (!n && status == EXIT_OK) {
            fprintf(stderr, "dts-rtpstat: %s: no RTP stream in it; if there "
                    "is one, name it by --port or --ssrc\n", c->file);
            status = EXIT_NOT_FOUND;
        }
        stream_table_uninit(&c->table);
        stream_table_uninit(&c->sent);
        for (size_t j = 0; j < c->n_marks; j++) {
            free(c->marks[j].label);
        }
        free(c->marks);
    }
    return status;
}

static void
usage(void)
{
    printf("\
dts-rtpstat: jitter (RFC 3550), loss and downtime of RTP streams\n\
usage: dts-rtpstat [OPTIONS] FILE        a pcap or pcapng file, - for stdin\n\
       dts-rtpstat [OPTIONS] -i IFACE    a live interface, as root\n\
\n\
Which packets:\n\
  -i, --interface=IFACE    listen until --duration, SIGINT or SIGTERM\n\
  -d, --duration=SECONDS   how long\n\
  -p, --port=LOW[-HIGH]    RTP is on these UDP ports only\n\
  -s, --ssrc=SSRC          only this source, as 0x1234abcd or decimal\n\
      --src=IP, --dst=IP   only from, only to this address\n\
      --filter=EXPRESSION  as in pcap-filter(7), on the outermost headers\n\
      --clock=TYPE=HZ      clock rate of a payload type (dynamic: 8000)\n\
About a capture (the one named before, else the first):\n\
      --label=TEXT         its name in report and picture\n\
      --at=MS              statistics before and after this instant,\n\
                           milliseconds since the epoch; second 0 of the\n\
                           picture\n\
      --mark=MS=TEXT       another instant to be marked in the picture\n\
      --sent=FILE          capture at the sender: what was sent, truly lost\n\
      --compare=FILE       one more capture, for comparison\n\
What comes out:\n\
  -f, --format=FORMAT      text, json or csv\n\
      --plot=FILE          jitter over time as FILE.png or FILE.svg\n\
      --title=TEXT         the picture's title\n\
  -h, --help               this\n\
  -V, --version            version\n");
}

static double
parse_number(const char *s, const char *option, double min, double max)
{
    char *end;
    errno = 0;
    double value = strtod(s, &end);
    if (errno || end == s || *end || !(value >= min && value <= max)) {
        die_usage("--%s=%s: not a number from %.0f to %.0f", option, s, min,
                  max);
    }
    return value;
}

/* Milliseconds since the epoch, perhaps with a fraction, to ns: in two parts,
 * as a double does not hold the nanoseconds of this century. */
static int64_t
parse_instant(const char *s, const char *option)
{
    if (s[strspn(s, "0123456789.")]) {
        die_usage("--%s=%s: not of the form MS or MS.FRACTION", option, s);
    }
    double ms = parse_number(s, option, 0, 7e12);
    int64_t whole = ms;
    const char *dot = strchr(s, '.');
    return whole * 1000000 + (dot ? (int64_t) round(atof(dot) * 1e6) : 0);
}

/* Splits 's' at 'c' into two numbers; '*second' is left alone if there is no
 * 'c'.  (sscanf() would take what is too large for another number.) */
static bool
parse_pair(const char *s, char c, unsigned int *first, unsigned int *second)
{
    const char *sep = strchr(s, c);
    char *copy = sep ? xmemdup0(s, sep - s) : xstrdup(s);
    bool ok = (str_to_uint(copy, 10, first)
               && (!sep || str_to_uint(sep + 1, 10, second)));

    free(copy);
    return ok;
}

static void
parse_ports(const char *s, struct stream_options *o)
{
    unsigned int low, high = UINT_MAX;

    if (!parse_pair(s, '-', &low, &high)) {
        die_usage("--port=%s: not of the form LOW or LOW-HIGH", s);
    }
    if (!strchr(s, '-')) {
        high = low;
    }
    if (low > high || high > UINT16_MAX) {
        die_usage("--port=%s: not a range of ports", s);
    }
    o->have_ports = true;
    o->port_low = low;
    o->port_high = high;
}

static void
parse_clock(const char *s, struct stream_options *o)
{
    unsigned int type, clock = 0;

    if (!parse_pair(s, '=', &type, &clock) || type >= RTP_N_PAYLOAD_TYPES
        || !clock || clock > 1000000000) {
        die_usage("--clock=%s: not of the form TYPE=HZ, type 0 to 127", s);
    }
    o->clocks[type] = clock;
}

static void
parse_ssrc(const char *s, struct stream_options *o)
{
    char *end;
    errno = 0;
    unsigned long long int value = strtoull(s, &end, 0);
    if (errno || end == s || *end || *s == '-' || value > UINT32_MAX) {
        die_usage("--ssrc=%s: not a number of 32 bits", s);
    }
    o->have_ssrc = true;
    o->ssrc = value;
}

static void
parse_address(const char *s, const char *option, struct in6_addr *addr)
{
    ovs_be32 ip;
    if (ip_parse(s, &ip)) {
        *addr = in6_addr_mapped_ipv4(ip);
    } else if (!ipv6_parse(s, addr)) {
        die_usage("--%s=%s: not an IP address", option, s);
    }
}

static void
parse_mark(const char *s, struct capture *c)
{
    const char *label = strchr(s, '=');
    if (!label) {
        die_usage("--mark=%s: not of the form MS=TEXT", s);
    }
    char *ms = xmemdup0(s, label - s);
    if (c->n_marks >= c->allocated_marks) {
        c->marks = x2nrealloc(c->marks, &c->allocated_marks,
                              sizeof *c->marks);
    }
    c->marks[c->n_marks++] = (struct capture_mark) {
        .at = parse_instant(ms, "mark"), .label = xstrdup(label + 1),
    };
    free(ms);
}

static enum report_format
parse_format(const char *s)
{
    if (!strcmp(s, "text")) {
        return REPORT_TEXT;
    } else if (!strcmp(s, "json")) {
        return REPORT_JSON;
    } else if (!strcmp(s, "csv")) {
        return REPORT_CSV;
    }
    die_usage("--format=%s: not text, json or csv", s);
}

static struct capture *
add_capture(struct settings *s, const char *file)
{
    if (s->n_captures >= MAX_CAPTURES) {
        die_usage("--compare: at most %d captures", MAX_CAPTURES);
    }
    struct capture *c = &s->captures[s->n_captures++];
    *c = (struct capture) { .file = file, .at = NO_TIME };
    return c;
}

static void
parse_options(int argc, char *argv[], struct settings *s)
{
    enum { OPT_SRC = UCHAR_MAX + 1, OPT_DST, OPT_FILTER, OPT_CLOCK, OPT_LABEL,
           OPT_AT, OPT_MARK, OPT_SENT, OPT_COMPARE, OPT_PLOT, OPT_TITLE };
    static const struct option options[] = {
        { "interface", required_argument, NULL, 'i' },
        { "duration", required_argument, NULL, 'd' },
        { "port", required_argument, NULL, 'p' },
        { "ssrc", required_argument, NULL, 's' },
        { "src", required_argument, NULL, OPT_SRC },
        { "dst", required_argument, NULL, OPT_DST },
        { "filter", required_argument, NULL, OPT_FILTER },
        { "clock", required_argument, NULL, OPT_CLOCK },
        { "label", required_argument, NULL, OPT_LABEL },
        { "at", required_argument, NULL, OPT_AT },
        { "mark", required_argument, NULL, OPT_MARK },
        { "sent", required_argument, NULL, OPT_SENT },
        { "compare", required_argument, NULL, OPT_COMPARE },
        { "format", required_argument, NULL, 'f' },
        { "plot", required_argument, NULL, OPT_PLOT },
        { "title", required_argument, NULL, OPT_TITLE },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { NULL, 0, NULL, 0 },
    };
    struct capture *c = add_capture(s, NULL);

    int opt;
    while ((opt = getopt_long(argc, argv, "i:d:p:s:f:hV", options, NULL))
           != -1) {
        switch (opt) {
        case 'i':
            s->iface = optarg;
            break;
        case 'd':
            s->duration = parse_number(optarg, "duration", 0.001, 1e9);
            break;
        case 'p':
            parse_ports(optarg, &s->streams);
            break;
        case 's':
            parse_ssrc(optarg, &s->streams);
            break;
        case OPT_SRC:
            parse_address(optarg, "src", &s->streams.src);
            s->streams.have_src = true;
            break;
        case OPT_DST:
            parse_address(optarg, "dst", &s->streams.dst);
            s->streams.have_dst = true;
            break;
        case OPT_FILTER:
            s->filter = optarg;
            break;
        case OPT_CLOCK:
            parse_clock(optarg, &s->streams);
            break;
        case OPT_LABEL:
            c->label = optarg;
            break;
        case OPT_AT:
            c->at = parse_instant(optarg, "at");
            break;
        case OPT_MARK:
            parse_mark(optarg, c);
            break;
        case OPT_SENT:
            c->sent_file = optarg;
            break;
        case OPT_COMPARE:
            c = add_capture(s, optarg);
            break;
        case 'f':
            s->format = parse_format(optarg);
            break;
        case OPT_PLOT:
            if (!plot_file_is_supported(optarg)) {
                die_usage("--plot=%s: must end in .png or .svg", optarg);
            }
            s->plot = optarg;
            break;
        case OPT_TITLE:
            s->title = optarg;
            break;
        case 'h':
            usage();
            exit(EXIT_OK);
        case 'V':
            printf("dts-rtpstat (remus-dts) %s\n", DTS_VERSION);
            exit(EXIT_OK);
        default:
            die_usage("bad option");
        }
    }
    if (s->iface && optind < argc) {
        die_usage("either an interface or a file, not both");
    } else if (!s->iface && optind != argc - 1) {
        die_usage("%s", optind < argc
                  ? "one file only: add others by --compare=FILE"
                  : "name a capture file, or an interface by -i");
    } else if (s->duration && !s->iface) {
        die_usage("--duration is for -i");
    }
    s->captures[0].live = s->iface;
    s->captures[0].file = s->iface ? s->iface : argv[optind];
}

static int
result_to_status(enum capture_result result, char *error)
{
    if (error) {
        fprintf(stderr, "dts-rtpstat: %s\n", error);
        free(error);
    }
    switch (result) {
    case CAPTURE_OK:
        return EXIT_OK;
    case CAPTURE_PARTIAL:
        return EXIT_PARTIAL;
    case CAPTURE_NOT_FOUND:
        return EXIT_NOT_FOUND;
    case CAPTURE_FAILED:
    default:
        return EXIT_USAGE;
    }
}

/* The sender's file is cut by the address translator, if there is one: so no
 * address selects there. */
static int
read_captures(struct settings *s)
{
    static struct stream_options any_address;
    int worst = EXIT_OK;

    any_address = s->streams;
    any_address.have_src = any_address.have_dst = false;
    for (size_t i = 0; i < s->n_captures; i++) {
        struct capture *c = &s->captures[i];
        enum capture_result result;
        char *error;

        stream_table_init(&c->table, &s->streams);
        stream_table_init(&c->sent, &any_address);
        result = (c->live
                  ? capture_live(c->file, s->filter, s->duration, &c->table,
                                 &c->dropped, &error)
                  : capture_file(c->file, s->filter, &c->table, &error));
        c->partial = result == CAPTURE_PARTIAL;
        int status = result_to_status(result, error);
        if (status != EXIT_OK && status != EXIT_PARTIAL) {
            return status;
        }
        worst = MAX(worst, status);

        if (c->sent_file) {
            result = capture_file(c->sent_file, NULL, &c->sent, &error);
            c->partial = c->partial || result == CAPTURE_PARTIAL;
            status = result_to_status(result, error);
            if (status != EXIT_OK && status != EXIT_PARTIAL) {
                return status;
            }
            worst = MAX(worst, status);
        }
    }
    return worst;
}
