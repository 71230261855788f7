/* SPDX-License-Identifier: Apache-2.0 */
/* A program in the guest that asks for checkpoints, as one that must know when
 * what it did is safe would (xl-remus(8), checkpoint).
 *
 * A datagram to UDP port 8 is the text of a wish: it is written to
 * data/remus-dts/checkpoint, in the guest's own xenstore directory, as it came.
 * Whenever data/remus-dts/committed has another text, that goes to whoever asked
 * last. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>

#define WISH "data/remus-dts/checkpoint"
#define DONE "data/remus-dts/committed"

static int bus;
static bool changed;            /* DONE, perhaps. */

/* The kernel gives no less than a message. */
static bool
take(void *p_, size_t n)
{
    for (char *p = p_; n; ) {
        ssize_t got = read(bus, p, n);
        if (got <= 0) {
            return false;
        }
        p += got;
        n -= got;
    }
    return true;
}

/* Takes one message: returns its type, or -1; the body, with a NUL after it,
 * is in 'body'. */
static int
message(char body[XENSTORE_PAYLOAD_MAX + 1])
{
    struct xsd_sockmsg head;

    if (!take(&head, sizeof head) || head.len > XENSTORE_PAYLOAD_MAX || !take(body, head.len)) {
        return -1;
    }
    body[head.len] = '\0';
    changed = changed || head.type == XS_WATCH_EVENT;
    return head.type;
}

/* Asks xenstore, and waits for its answer; a watch's events come between. */
static bool
ask(uint32_t type, const void *data, size_t len, char body[XENSTORE_PAYLOAD_MAX + 1])
{
    char out[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
    struct xsd_sockmsg head = { .type = type, .len = len };
    int answer;

    memcpy(out, &head, sizeof head);
    memcpy(out + sizeof head, data, len);
    if (write(bus, out, sizeof head + len) != (ssize_t) (sizeof head + len)) {
        return false;
    }
    do {
        answer = message(body);
    } while (answer == XS_WATCH_EVENT);
    return answer == (int) type;
}

int
main(void)
{
    struct sockaddr_in peer = { 0 }, me = {
        .sin_family = AF_INET, .sin_port = htons(8), .sin_addr.s_addr = htonl(INADDR_ANY),
    };
    char body[XENSTORE_PAYLOAD_MAX + 1], wish[sizeof WISH + 2048];
    static const char watch[] = DONE "\0" "committed";
    socklen_t len = sizeof peer;

    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bus = open("/dev/xen/xenbus", O_RDWR);
    if (fd < 0 || bus < 0 || bind(fd, (struct sockaddr *) &me, sizeof me) < 0
        || !ask(XS_WATCH, watch, sizeof watch, body)) {
        perror("prompt");
        return 1;
    }
    memcpy(wish, WISH, sizeof WISH);
    for (;;) {
        struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = bus, .events = POLLIN } };

        if (!changed && poll(p, 2, -1) < 0) {
            continue;
        }
        if (!changed && p[1].revents && message(body) < 0) {
            return 1;           /* It is started again. */
        }
        if (changed) {
            changed = false;
            if (ask(XS_READ, DONE, sizeof DONE, body) && peer.sin_port) {
                sendto(fd, body, strlen(body), 0, (struct sockaddr *) &peer, len);
            }
            continue;
        }
        if (p[0].revents) {
            ssize_t n = recvfrom(fd, wish + sizeof WISH, sizeof wish - sizeof WISH, 0, (struct sockaddr *) &peer, &len);
            if (n >= 0 && !ask(XS_WRITE, wish, sizeof WISH + n, body)) {
                fprintf(stderr, "prompt: xenstore refused\n");
            }
        }
    }
}
