/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <openssl/hmac.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "heartbeat.h"
#include "util.h"
#include "wire.h"

/* Fuzz-sources: remus-hooks/link/wire.c remus-hooks/link/heartbeat.c
 * Fuzz-includes: remus-hooks/link
 *
 * What a peer sends, by TCP and as a datagram: as it is, and as one who has the
 * key would send it.  The first byte says in what pieces the rest is fed; the
 * pieces must make no difference. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct total {
    uint64_t bytes;             /* Of DATA. */
    uint64_t messages;
    uint64_t hash;
    bool error;
};

static struct total
feed(const uint8_t *data, size_t n, size_t piece)
{
    static struct wire w;
    struct total t = { .bytes = 0 };
    size_t pos = 0;

    wire_init(&w);
    while (pos < n && !t.error) {
        size_t len = MIN(piece, n - pos);
        uint8_t *copy = xmemdup(data + pos, len);
        enum wire_event event;
        size_t taken = wire_feed(&w, copy, len, &event);

        ovs_assert(taken <= len);
        switch (event) {
        case WIRE_NOTHING:
            ovs_assert(taken == len);
            break;
        case WIRE_CHUNK:
            ovs_assert(w.body >= copy && w.body + w.body_len <= copy + len);
            t.bytes += w.body_len;
            break;
        case WIRE_MESSAGE:
            ovs_assert(w.body_len <= WIRE_MAX_JSON && !w.body[w.body_len]);
            t.messages++;
            for (size_t i = 0; i < w.body_len; i++) {
                t.hash = t.hash * 31 + w.body[i];
            }
            t.hash = t.hash * 31 + w.type;
            break;
        case WIRE_ERROR:
            ovs_assert(w.error[0]);
            t.error = true;
            break;
        }
        ovs_assert(taken || t.error || event != WIRE_NOTHING);
        pos += taken;
        free(copy);
    }
    return t;
}

/* Each 24 bytes are three times of a heartbeat; the next one is newer. */
static void
beats(const uint8_t *data, size_t n)
{
    static const uint8_t session[HEARTBEAT_SESSION_LEN];
    static const uint8_t key[HEARTBEAT_KEY_LEN];
    const uint64_t now = UINT64_C(1700000000000000);
    struct heartbeat hb;

    heartbeat_init(&hb, true, session, key);
    for (uint64_t seq = 1; n >= 24; seq++) {
        uint8_t d[HEARTBEAT_LEN] = "DTSB\1\1";
        uint8_t digest[EVP_MAX_MD_SIZE];
        int64_t rtt, offset, uncertainty;
        unsigned int len;

        wire_put_u64(d + 24, seq);
        memcpy(d + 32, data, 24);
        HMAC(EVP_sha256(), key, sizeof key, d, 56, digest, &len);
        memcpy(d + 56, digest, 16);
        ovs_assert(heartbeat_take(&hb, d, sizeof d, now, now));
        if (heartbeat_estimate(&hb, &rtt, &offset, &uncertainty)) {
            ovs_assert(rtt >= 0 && rtt < 60000000 && uncertainty >= 0);
        }
        data += 24;
        n -= 24;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t session[HEARTBEAT_SESSION_LEN];
    static const uint8_t key[HEARTBEAT_KEY_LEN];
    struct heartbeat hb;

    if (!size) {
        return 0;
    }
    struct total a = feed(data + 1, size - 1, size);
    struct total b = feed(data + 1, size - 1, 1 + data[0]);
    ovs_assert(a.messages == b.messages && a.hash == b.hash
               && a.error == b.error);
    ovs_assert(a.error || a.bytes == b.bytes);

    beats(data + 1, size - 1);
    /* Nobody who has not the key is heard. */
    heartbeat_init(&hb, true, session, key);
    ovs_assert(!heartbeat_take(&hb, data, size, 1, 1));
    return 0;
}
