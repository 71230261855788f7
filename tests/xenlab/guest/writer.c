/* SPDX-License-Identifier: Apache-2.0 */
/* A program in the guest that writes to memory, so that a checkpoint has
 * something to carry.
 *
 * A datagram to UDP port 19 is a number: so many KiB are filled with random
 * bytes, which no compression makes smaller, every 50 ms from then on.  0: no
 * more. */

#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define MAX_KIB 16384
#define PERIOD_MS 50

int
main(void)
{
    struct sockaddr_in me = {
        .sin_family = AF_INET, .sin_port = htons(19), .sin_addr.s_addr = htonl(INADDR_ANY),
    };
    static uint64_t memory[MAX_KIB * 128];
    uint64_t x = 88172645463325252;
    size_t n = 0;

    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *) &me, sizeof me) < 0) {
        perror("writer");
        return 1;
    }
    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        if (poll(&p, 1, n ? PERIOD_MS : -1) > 0) {
            char text[16] = "";

            if (recv(fd, text, sizeof text - 1, 0) > 0) {
                unsigned long int kib = strtoul(text, NULL, 10);
                n = (kib < MAX_KIB ? kib : MAX_KIB) * 128;
            }
        }
        for (size_t i = 0; i < n; i++) {
            x ^= memory[i] | 1;
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            memory[i] = x;
        }
    }
}
