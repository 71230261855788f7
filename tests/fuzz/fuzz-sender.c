/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake.h"
#include "link.h"
#include "stream.h"
#include "util.h"
#include "uuid.h"
#include "wire.h"

/* Fuzz-sources: tests/fuzz/fake.c remus-hooks/link/send.c
 * Fuzz-sources: remus-hooks/link/connect.c remus-hooks/link/session.c
 * Fuzz-sources: remus-hooks/link/outflow.c remus-hooks/link/ring.c
 * Fuzz-sources: remus-hooks/link/events.c
 * Fuzz-sources: remus-hooks/link/peer.c remus-hooks/link/wire.c
 * Fuzz-sources: remus-hooks/link/heartbeat.c
 * Fuzz-sources: remus-hooks/lib/agent-client.c
 * Fuzz-sources: remus-hooks/lib/agent-session.c remus-hooks/lib/buffer.c
 * Fuzz-sources: remus-hooks/lib/framing.c remus-hooks/lib/pack.c
 * Fuzz-sources: remus-hooks/lib/delta.c remus-hooks/lib/page-cache.c
 * Fuzz-sources: remus-hooks/lib/pack-method.c remus-hooks/lib/rundir.c
 * Fuzz-includes: remus-hooks/link tests/fuzz
 * Fuzz-wrap: clock_gettime poll socket connect send recv stream_open
 * Fuzz-wrap: read write open close fcntl uuid_generate get_entropy
 * Fuzz-max-len: 20480
 *
 * A whole session of the sending end: what a peer says from WELCOME on, while
 * xl writes a stream.  The first byte says how (packed or not, what the agent
 * answers when the peer is lost), the second in what pieces the peer's bytes
 * come; two bytes say how many are xl's, these follow, then there are the
 * peer's.
 *
 * No checkpoint is acknowledged that was not sent. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
int __wrap_stream_open(const char *name, struct stream **, uint8_t dscp);
ssize_t __wrap_read(int fd, void *, size_t);
ssize_t __wrap_write(int fd, const void *, size_t);
int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int fd);
int __wrap_fcntl(int fd, int op, ...);
void __wrap_uuid_generate(struct uuid *);
int __wrap_get_entropy(void *, size_t);

#define EVENTS_FD 1001

static const char *verdict;
static struct fake_end xl;

int
__wrap_stream_open(const char *name OVS_UNUSED, struct stream **stream,
                   uint8_t dscp OVS_UNUSED)
{
    *stream = fake_stream_open("B");
    return 0;
}

ssize_t
__wrap_read(int fd OVS_UNUSED, void *data, size_t n)
{
    n = MIN(n, xl.n);
    if (!n) {
        errno = EAGAIN;
        return fake_patience ? -1 : 0;
    }
    memcpy(data, xl.data, n);
    xl.data += n;
    xl.n -= n;
    return n;
}

/* What is told there: "ack N US". */
ssize_t
__wrap_write(int fd, const void *data, size_t n)
{
    static unsigned long long int sent;
    char *text = xmemdup0(data, n), *save = NULL, *line;

    for (line = strtok_r(text, "\n", &save); line && fd == EVENTS_FD;
         line = strtok_r(NULL, "\n", &save)) {
        unsigned long long int x;

        if (!strncmp(line, "session ", 8)) {
            sent = 0;
        } else if (sscanf(line, "sent %llu", &x) == 1) {
            sent = x;
        } else if (sscanf(line, "ack %llu", &x) == 1) {
            ovs_assert(x <= sent);
        }
    }
    free(text);
    return n;
}

int
__wrap_open(const char *path OVS_UNUSED, int flags OVS_UNUSED, ...)
{
    errno = EACCES;
    return -1;
}

int
__wrap_close(int fd OVS_UNUSED)
{
    return 0;
}

int
__wrap_fcntl(int fd, int op OVS_UNUSED, ...)
{
    return fd + 2000;
}

void
__wrap_uuid_generate(struct uuid *uuid)
{
    *uuid = (struct uuid) { { 1, 2, 3, 4 } };
}

int
__wrap_get_entropy(void *data, size_t n)
{
    memset(data, 7, n);
    return 0;
}

static void
agent_heard(const void *data, size_t n)
{
    static const char facts[] = "{\"id\":1,\"error\":null,\"result\":{"
        "\"node\":\"A\",\"peer\":\"B\",\"peer_ip\":\"192.0.2.1\","
        "\"generation\":7,\"stall\":2000}}";
    static char answer[128];

    if (memmem(data, n, "\"hello\"", 7)) {
        fake_socket.data = (const uint8_t *) facts;
        fake_socket.n = strlen(facts);
    } else if (memmem(data, n, "alone?", 6) && verdict[0]) {
        snprintf(answer, sizeof answer, "{\"id\":2,\"error\":null,"
                 "\"result\":{\"verdict\":\"%s\",\"reason\":\"fuzz\"}}",
                 verdict);
        fake_socket.data = (const uint8_t *) answer;
        fake_socket.n = strlen(answer);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const verdicts[] = { "", "alone", "taken", "what" };
    struct link_options o = {
        .timeout = 1000, .domain = "voip", .events_fd = EVENTS_FD,
        .max_buffer = 1024 * 1024, .delta_cache = 1, .insecure = true,
        .compress = PACK_STORED, .agent_socket = "/nonexistent",
    };
    size_t n_xl;

    if (n < 4) {
        return 0;
    }
    fake_init();
    o.insecure = data[0] & 1;
    o.pack = data[0] & 2;
    verdict = verdicts[data[0] >> 2 & 3];
    fake_patience = 200;        /* Then xl is gone. */
    n_xl = MIN(data[2] << 8 | data[3], n - 4);
    xl = (struct fake_end) { .data = data + 4, .n = n_xl };
    fake_socket.heard = agent_heard;
    fake_stream.data = data + 4 + n_xl;
    fake_stream.n = n - 4 - n_xl;
    fake_stream.piece = data[1] ? data[1] * 16 : 0;
    fake_stream.closed = data[0] & 16;
    link_send(&o);
    return 0;
}
