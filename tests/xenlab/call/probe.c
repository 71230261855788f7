/* SPDX-License-Identifier: Apache-2.0 */
/* The client: sends a request every PERIOD ms to echod, writes a line of CSV a
 * request, and at the end says what a user of the service would have noticed.
 *
 *   probe ADDRESS SECONDS CSV [PERIOD_MS]
 *
 * CSV: seq,tx_ms,rx_ms,counter,boot_id (times since the epoch; rx_ms, counter
 * and boot_id empty when no reply came). SIGINT and SIGTERM end it early. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

struct shot {
    double tx, rx;
    unsigned long counter;
    unsigned int boot_id;
};

static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
    (void) sig;
    stop = 1;
}

/* Milliseconds since the epoch. */
static double
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void
receive(int fd, struct shot *shots, size_t n_sent)
{
    char buf[128];
    ssize_t n;

    while ((n = recv(fd, buf, sizeof buf - 1, MSG_DONTWAIT)) > 0) {
        unsigned long seq, counter;
        unsigned int boot_id;

        buf[n] = '\0';
        if (sscanf(buf, "%lu %lu %x", &seq, &counter, &boot_id) == 3 && seq < n_sent && !shots[seq].rx) {
            shots[seq].rx = now();
            shots[seq].counter = counter;
            shots[seq].boot_id = boot_id;
        }
    }
}

static int
by_rx(const void *a_, const void *b_)
{
    const struct shot *a = *(const struct shot *const *) a_, *b = *(const struct shot *const *) b_;
    return a->rx < b->rx ? -1 : a->rx > b->rx;
}

static void
summary(struct shot *shots, size_t n_sent)
{
    struct shot **got = malloc(n_sent * sizeof *got);
    size_t n = 0;

    for (size_t i = 0; i < n_sent; i++) {
        if (shots[i].rx) {
            got[n++] = &shots[i];
        }
    }
    qsort(got, n, sizeof *got, by_rx);
    printf("sent %zu, answered %zu\n", n_sent, n);
    if (n < 2) {
        printf("state: unknown (no service)\n");
        return;
    }

    size_t at = 1;
    for (size_t i = 1; i < n; i++) {
        if (got[i]->rx - got[i - 1]->rx > got[at]->rx - got[at - 1]->rx) {
            at = i;
        }
    }
    const struct shot *before = got[at - 1], *after = got[at];
    printf("longest gap between replies: %.0f ms, from %.0f to %.0f\n", after->rx - before->rx, before->rx, after->rx);
    printf("counter before the gap: %lu, after: %lu\n", before->counter, after->counter);
    if (before->boot_id != after->boot_id || got[0]->boot_id != got[n - 1]->boot_id) {
        printf("state: LOST (boot id %08x became %08x)\n", got[0]->boot_id, got[n - 1]->boot_id);
    } else if (after->counter <= before->counter) {
        printf("state: continued, %lu requests rolled back (same boot id %08x)\n",
               before->counter - after->counter + 1, after->boot_id);
    } else {
        printf("state: continued, nothing rolled back (same boot id %08x)\n", after->boot_id);
    }
    free(got);
}

int
main(int argc, char *argv[])
{
    if (argc < 4) {
        fprintf(stderr, "usage: probe ADDRESS SECONDS CSV [PERIOD_MS]\n");
        return 2;
    }
    double period = argc > 4 ? atof(argv[4]) : 10;
    size_t n_max = atof(argv[2]) * 1000 / period;
    struct shot *shots = calloc(n_max + 1, sizeof *shots);
    struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(7) };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    FILE *csv = fopen(argv[3], "w");

    if (!shots || fd < 0 || !csv || !inet_aton(argv[1], &peer.sin_addr)) {
        perror("probe");
        return 1;
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);

    size_t n_sent = 0;
    double start = now();
    while (n_sent < n_max && !stop) {
        double due = start + n_sent * period, wait = due - now();
        if (wait > 0) {
            struct pollfd p = { .fd = fd, .events = POLLIN };
            struct timespec t = { 0, wait * 1e6 };
            t.tv_sec = t.tv_nsec / 1000000000;
            t.tv_nsec %= 1000000000;
            ppoll(&p, 1, &t, NULL);
            receive(fd, shots, n_sent);
            continue;
        }
        char buf[32];
        int len = snprintf(buf, sizeof buf, "%zu", n_sent);
        shots[n_sent].tx = now();
        sendto(fd, buf, len, 0, (struct sockaddr *) &peer, sizeof peer);
        n_sent++;
    }
    for (double end = now() + 500; now() < end; ) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        poll(&p, 1, 50);
        receive(fd, shots, n_sent);
    }
    fprintf(csv, "seq,tx_ms,rx_ms,counter,boot_id\n");
    for (size_t i = 0; i < n_sent; i++) {
        if (shots[i].rx) {
            fprintf(csv, "%zu,%.3f,%.3f,%lu,%08x\n", i, shots[i].tx, shots[i].rx, shots[i].counter, shots[i].boot_id);
        } else {
            fprintf(csv, "%zu,%.3f,,,\n", i, shots[i].tx);
        }
    }
    fclose(csv);
    summary(shots, n_sent);
    return 0;
}
