/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's services on port 7, whose state is in memory only.
 *
 * UDP: an echo server with a counter.
 * Reply: "SEQ COUNTER BOOTID". SEQ is what the request held. COUNTER goes up by
 * one a request and lives nowhere but in this process. BOOTID is drawn when the
 * process starts. So after a failover the same BOOTID proves that the memory
 * moved, and COUNTER shows how far the survivor had to go back.
 *
 * TCP: a journal.  It takes records of RECORD bytes, that begin with their
 * number, and answers each with "NUMBER HASH BOOTID": HASH is that of all bytes
 * which came on this connection (FNV-1a, 64 bits).  So the client knows that
 * what was acknowledged is still there, in order and once. */

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORD 1024

/* Returns true if all came.  (A checkpoint freezes the guest's processes, and
 * that ends a wait for all with a part, as a signal does.) */
static bool
read_record(int fd, char record[RECORD])
{
    size_t n = 0;

    while (n < RECORD) {
        ssize_t got = recv(fd, record + n, RECORD - n, 0);
        if (got <= 0 && (got == 0 || errno != EINTR)) {
            return false;
        }
        n += got > 0 ? got : 0;
    }
    return true;
}

static void
keep_journal(int fd, unsigned int boot_id)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    char record[RECORD + 1], out[64];

    record[RECORD] = '\0';
    while (read_record(fd, record)) {
        for (int i = 0; i < RECORD; i++) {
            hash = (hash ^ (unsigned char) record[i]) * UINT64_C(1099511628211);
        }
        record[strcspn(record, " ")] = '\0';
        int n = snprintf(out, sizeof out, "%.20s %016llx %08x\n", record, (unsigned long long) hash, boot_id);
        if (send(fd, out, n, MSG_NOSIGNAL) != n) {
            break;
        }
    }
}

/* A process for each connection. */
static void
serve_journals(unsigned int boot_id)
{
    struct sockaddr_in me = {
        .sin_family = AF_INET, .sin_port = htons(7), .sin_addr.s_addr = htonl(INADDR_ANY),
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

    signal(SIGCHLD, SIG_IGN);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd < 0 || bind(fd, (struct sockaddr *) &me, sizeof me) < 0 || listen(fd, 8) < 0) {
        perror("echod: TCP");
        return;
    }
    for (;;) {
        int c = accept(fd, NULL, NULL);
        if (c >= 0 && fork() == 0) {
            close(fd);
            keep_journal(c, boot_id);
            _exit(0);
        }
        close(c);
    }
}

int
main(void)
{
    struct sockaddr_in peer, me = {
        .sin_family = AF_INET, .sin_port = htons(7), .sin_addr.s_addr = htonl(INADDR_ANY),
    };
    unsigned long counter = 0;
    unsigned int boot_id = 0;
    char in[64], out[128];

    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *) &me, sizeof me) < 0) {
        perror("echod");
        return 1;
    }
    /* A young guest has little entropy: do not wait for more. */
    if (getrandom(&boot_id, sizeof boot_id, GRND_INSECURE) < 0) {
        perror("echod: getrandom");
        return 1;
    }
    if (fork() == 0) {
        serve_journals(boot_id);
        _exit(1);
    }
    for (;;) {
        socklen_t len = sizeof peer;
        ssize_t n = recvfrom(fd, in, sizeof in - 1, 0, (struct sockaddr *) &peer, &len);
        if (n < 0) {
            continue;
        }
        in[n] = '\0';
        in[strcspn(in, " \n")] = '\0';
        int size = snprintf(out, sizeof out, "%s %lu %08x\n", in, ++counter, boot_id);
        sendto(fd, out, size, 0, (struct sockaddr *) &peer, len);
    }
}
