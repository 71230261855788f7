/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "child.h"
#include "fake.h"
#include "link.h"
#include "pack.h"
#include "peer.h"
#include "stream.h"
#include "util.h"

/* Fuzz-sources: tests/fuzz/fake.c remus-hooks/link/accept.c
 * Fuzz-sources: remus-hooks/link/receive.c remus-hooks/link/stage.c
 * Fuzz-sources: remus-hooks/link/session.c
 * Fuzz-sources: remus-hooks/link/peer.c remus-hooks/link/wire.c
 * Fuzz-sources: remus-hooks/link/heartbeat.c remus-hooks/link/hold.c
 * Fuzz-sources: remus-hooks/lib/agent-client.c
 * Fuzz-sources: remus-hooks/lib/agent-session.c remus-hooks/lib/buffer.c
 * Fuzz-sources: remus-hooks/lib/framing.c remus-hooks/lib/unpack.c
 * Fuzz-sources: remus-hooks/lib/delta.c remus-hooks/lib/page-cache.c
 * Fuzz-sources: remus-hooks/lib/pack-method.c remus-hooks/lib/rundir.c
 * Fuzz-includes: remus-hooks/link tests/fuzz
 * Fuzz-wrap: clock_gettime poll socket connect send recv setpriority
 * Fuzz-max-len: 20480
 *
 * A whole session of the receiving end, from HELLO on: what a peer that has
 * shown its certificate may send.  The first byte says how (TLS or not, packed
 * or not, what the agent answers when the peer is lost, and whether xl lives),
 * the second in what pieces the rest comes.
 *
 * Without a verdict xl's stream does not end, once it has a whole
 * checkpoint. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
int __wrap_setpriority(__priority_which_t, id_t, int priority);

static const char *verdict;
static int n_requests;
static int patience;            /* Looks at xl until it has ended... */
static bool ended;              /* ...which it has. */
static struct wire sent;        /* To the peer. */
static bool acknowledged;       /* A whole checkpoint. */

int
__wrap_setpriority(__priority_which_t which OVS_UNUSED, id_t id OVS_UNUSED,
                   int priority OVS_UNUSED)
{
    return 0;
}

/* xl's receiver takes nothing, and ends at last. */
int
child_start(struct child *child, const char *command OVS_UNUSED,
            const char *const env[] OVS_UNUSED, const char *log OVS_UNUSED,
            bool humble OVS_UNUSED)
{
    memset(child, 0, sizeof *child);
    child->fd = child->pidfd = -1;
    return 0;
}

bool
child_ended(struct child *child)
{
    child->ended = ended = !patience--;
    return ended;
}

void
child_wait(const struct child *child OVS_UNUSED)
{
}

int
child_unsent(const struct child *child OVS_UNUSED)
{
    return 0;
}

void
child_reset(struct child *child OVS_UNUSED)
{
    ovs_assert(!acknowledged || ended || !strcmp(verdict, "commit")
               || !strcmp(verdict, "denied"));
}

/* What a check says is not read here. */
int
link_check_answer(const struct link_options *o OVS_UNUSED,
                  const struct peer *peer_,
                  const struct json *hello OVS_UNUSED)
{
    struct peer peer = *peer_;

    peer_destroy(&peer);
    return 0;
}

/* The agent: `hello` is welcome, and a question has the verdict for answer. */
static void
agent_heard(const void *data, size_t n)
{
    static const char facts[] = "{\"id\":1,\"error\":null,\"result\":{"
        "\"node\":\"B\",\"ip\":\"169.254.64.2\",\"generation\":7}}";
    static char answer[128];
    const char *text = data;

    if (memmem(text, n, "\"hello\"", 7)) {
        fake_socket.data = (const uint8_t *) facts;
        fake_socket.n = strlen(facts);
        n_requests = 1;
    } else if (memmem(text, n, "grant?", 6) && verdict[0]) {
        snprintf(answer, sizeof answer, "{\"id\":%d,\"error\":null,"
                 "\"result\":{\"verdict\":\"%s\",\"reason\":\"fuzz\"}}",
                 ++n_requests, verdict);
        fake_socket.data = (const uint8_t *) answer;
        fake_socket.n = strlen(answer);
    }
}

static void
peer_heard(const void *data, size_t n)
{
    const uint8_t *p = data;

    while (n) {
        enum wire_event event;
        size_t taken = wire_feed(&sent, p, n, &event);

        ovs_assert(event != WIRE_ERROR);
        acknowledged |= event == WIRE_MESSAGE && sent.type == WIRE_ACK;
        p += taken;
        n -= taken;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const verdicts[] = { "", "commit", "denied", "what" };
    struct link_options o = {
        .receiver = "none", .checker = "none", .save_helper = "none",
        .spool_dir = "/nonexistent", .memory = 64 * 1024 * 1024,
        .timeout = 1000, .delta_cache = 1, .compress = PACK_STORED,
        .bind = "192.0.2.2", .agent_socket = "/nonexistent",
    };

    if (n < 2) {
        return 0;
    }
    fake_init();
    o.insecure = data[0] & 1;
    o.pack = data[0] & 2;
    verdict = verdicts[data[0] >> 2 & 3];
    patience = 100;
    n_requests = 0;
    acknowledged = false;
    wire_init(&sent);
    fake_socket.heard = agent_heard;
    fake_stream.heard = peer_heard;
    fake_stream.data = data + 2;
    fake_stream.n = n - 2;
    fake_stream.piece = data[1] ? data[1] * 16 : 0;
    fake_stream.closed = data[0] & 16;
    link_accept(&o, fake_stream_open("A"));
    return 0;
}
