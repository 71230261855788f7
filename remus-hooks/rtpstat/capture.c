/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "capture.h"

#include <errno.h>
#include <math.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "decap.h"
#include "streams.h"
#include "util.h"

/* libpcap reads pcap and pcapng and knows every interface.  What is left to do
 * is to tell its failures apart, and to leave a live capture when the time is
 * up or a signal comes: then the statistics are printed, not lost. */

#define SNAPLEN 512             /* Tunnels, tags, IPv6 and the RTP header. */
#define BUFFER_SIZE (8 * 1024 * 1024)
/* Past the year 2200 is not a time stamp but rubbish. */
#define MAX_SECONDS (INT64_C(230) * 366 * 86400)

static volatile sig_atomic_t interrupted;

static char *check_link_type(pcap_t *, const char *name);
static char *set_filter(pcap_t *, const char *filter);
static bool add_packet(struct stream_table *, int dlt,
                       const struct pcap_pkthdr *, const uint8_t *);
static enum capture_result listen_until(pcap_t *, struct stream_table *,
                                        double duration, char **error);

enum capture_result
capture_file(const char *path, const char *filter, struct stream_table *table,
             char **error)
{
    bool is_stdin = !strcmp(path, "-");
    FILE *stream = is_stdin ? stdin : fopen(path, "r");

    if (!stream) {
        enum capture_result result = (errno == ENOENT ? CAPTURE_NOT_FOUND
                                      : CAPTURE_FAILED);
        *error = xasprintf("%s: %s", path, ovs_strerror(errno));
        return result;
    }
    return capture_stream(stream, path, filter, table, error);
}

enum capture_result
capture_stream(FILE *stream, const char *path, const char *filter,
               struct stream_table *table, char **error)
{
    char errbuf[PCAP_ERRBUF_SIZE] = "";

    *error = NULL;
    pcap_t *pcap = pcap_fopen_offline_with_tstamp_precision(
        stream, PCAP_TSTAMP_PRECISION_NANO, errbuf);
    if (!pcap) {
        *error = xasprintf("%s: not a capture that libpcap can read: %s",
                           path, errbuf);
        if (stream != stdin) {
            fclose(stream);
        }
        return CAPTURE_FAILED;
    }

    enum capture_result result = CAPTURE_FAILED;
    *error = check_link_type(pcap, path);
    if (!*error) {
        *error = set_filter(pcap, filter);
    }
    if (*error) {
        goto out;
    }

    int dlt = pcap_datalink(pcap);
    struct pcap_pkthdr *header;
    const u_char *data;
    int retval;
    while ((retval = pcap_next_ex(pcap, &header, &data)) == 1) {
        if (!add_packet(table, dlt, header, data)) {
            *error = xasprintf("%s: packet %"PRIu64" has an impossible time "
                               "stamp; the file is damaged",
                               path, table->frames + 1);
            goto out;
        }
    }
    if (retval == PCAP_ERROR_BREAK) {
        result = CAPTURE_OK;
    } else {
        *error = xasprintf("%s: damaged or cut off after %"PRIu64" packets: "
                           "%s", path, table->frames, pcap_geterr(pcap));
        result = CAPTURE_PARTIAL;
    }

out:
    pcap_close(pcap);
    return result;
}

enum capture_result
capture_live(const char *iface, const char *filter, double duration,
             struct stream_table *table, unsigned int *dropped, char **error)
{
    char errbuf[PCAP_ERRBUF_SIZE] = "";
    enum capture_result result = CAPTURE_FAILED;

    *dropped = 0;
    *error = NULL;
    pcap_t *pcap = pcap_create(iface, errbuf);
    if (!pcap) {
        *error = xasprintf("%s: %s", iface, errbuf);
        return CAPTURE_FAILED;
    }
    pcap_set_snaplen(pcap, SNAPLEN);
    pcap_set_promisc(pcap, 1);
    pcap_set_timeout(pcap, 100);
    pcap_set_buffer_size(pcap, BUFFER_SIZE);
    /* Not every driver has it; microseconds are scaled in add_packet(). */
    pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);

    int retval = pcap_activate(pcap);
    if (retval < 0) {
        if (retval == PCAP_ERROR_NO_SUCH_DEVICE) {
            *error = xasprintf("%s: no such interface (`ip link` lists them)",
                               iface);
            result = CAPTURE_NOT_FOUND;
        } else if (retval == PCAP_ERROR_PERM_DENIED) {
            *error = xasprintf("%s: not permitted: run it as root, or with "
                               "CAP_NET_RAW", iface);
        } else {
            *error = xasprintf("%s: %s", iface, pcap_geterr(pcap));
        }
        goto out;
    }
    *error = check_link_type(pcap, iface);
    if (!*error) {
        *error = set_filter(pcap, filter);
    }
    if (*error) {
        goto out;
    }

    result = listen_until(pcap, table, duration, error);

    struct pcap_stat stats;
    if (!pcap_stats(pcap, &stats)) {
        *dropped = stats.ps_drop;
    }
out:
    pcap_close(pcap);
    return result;
}

static char *
check_link_type(pcap_t *pcap, const char *name)
{
    int dlt = pcap_datalink(pcap);
    if (decap_supports(dlt)) {
        return NULL;
    }
    const char *dlt_name = pcap_datalink_val_to_name(dlt);
    return xasprintf("%s: cannot take frames of link type %d (%s) apart: "
                     "capture on an Ethernet interface", name, dlt,
                     dlt_name ? dlt_name : "unknown");
}

static char *
set_filter(pcap_t *pcap, const char *filter)
{
    if (!filter) {
        return NULL;
    }
    struct bpf_program program;
    if (pcap_compile(pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN)) {
        return xasprintf("--filter=%s: %s (see pcap-filter(7))", filter,
                         pcap_geterr(pcap));
    }
    char *error = NULL;
    if (pcap_setfilter(pcap, &program)) {
        error = xasprintf("--filter=%s: %s", filter, pcap_geterr(pcap));
    }
    pcap_freecode(&program);
    return error;
}

/* Returns false if the time stamp cannot be.  'ts' is in nanoseconds. */
static bool
add_packet(struct stream_table *table, int dlt,
           const struct pcap_pkthdr *header, const uint8_t *data)
{
    int64_t sec = header->ts.tv_sec;
    int64_t nsec = header->ts.tv_usec;
    if (sec < 0 || sec > MAX_SECONDS || nsec < 0 || nsec >= 1000000000) {
        return false;
    }
    stream_table_add(table, dlt, sec * 1000000000 + nsec, data,
                     header->caplen, header->len);
    return true;
}

struct live {
    pcap_t *pcap;
    struct stream_table *table;
    int dlt;
    bool is_nano;
};

static void
on_packet(u_char *live_, const struct pcap_pkthdr *header, const u_char *data)
{
    struct live *live = (struct live *) live_;
    struct pcap_pkthdr h = *header;
    if (!live->is_nano) {
        h.ts.tv_usec *= 1000;
    }
    add_packet(live->table, live->dlt, &h, data);
}

static void
on_signal(int sig OVS_UNUSED)
{
    interrupted = 1;
}

static double
now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Signals are let in during ppoll() only, so none is missed. */
static enum capture_result
listen_until(pcap_t *pcap, struct stream_table *table, double duration,
             char **error)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigset_t block, before;

    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGTERM);
    sigprocmask(SIG_BLOCK, &block, &before);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    char errbuf[PCAP_ERRBUF_SIZE] = "";
    struct live live = {
        .pcap = pcap, .table = table, .dlt = pcap_datalink(pcap),
        .is_nano = (pcap_get_tstamp_precision(pcap)
                    == PCAP_TSTAMP_PRECISION_NANO),
    };
    double end = duration ? now() + duration : INFINITY;
    int fd = pcap_get_selectable_fd(pcap);

    if (pcap_setnonblock(pcap, 1, errbuf) || fd < 0) {
        *error = xasprintf("cannot wait for packets: %s", errbuf);
        return CAPTURE_FAILED;
    }
    for (;;) {
        int n = pcap_dispatch(pcap, -1, on_packet, (u_char *) &live);
        if (n < 0) {
            *error = xasprintf("capture ended: %s", pcap_geterr(pcap));
            return table->frames ? CAPTURE_PARTIAL : CAPTURE_FAILED;
        }
        double left = end - now();
        if (left <= 0 || interrupted) {
            return CAPTURE_OK;
        }
        /* At most 100 ms: some drivers wake nobody for a half-full buffer. */
        struct timespec wait = { .tv_nsec = MIN(left, 0.1) * 1e9 };
        struct pollfd pfd = { .fd = fd, .events = POLLIN };
        ppoll(&pfd, 1, &wait, &before);
    }
}
