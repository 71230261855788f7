/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's service: a UDP echo server whose state is a counter in memory.
 *
 * Reply: "SEQ COUNTER BOOTID". SEQ is what the request held. COUNTER goes up by
 * one a request and lives nowhere but in this process. BOOTID is drawn when the
 * process starts. So after a failover the same BOOTID proves that the memory
 * moved, and COUNTER shows how far the survivor had to go back. */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

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
