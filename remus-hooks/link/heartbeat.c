/* SPDX-License-Identifier: Apache-2.0 */
/* The link's heartbeats: see the header.
 *
 * A datagram carries the time stamp of the peer's last one and how long ago
 * that came, as NTP does: t4 - t1 less the time in between is the round trip.
 * The flag that says which end sent it keeps a datagram that is sent back to
 * its sender from counting as the peer's life.  Another one says that its
 * sender hears nothing: where a path is cut one way, both ends know. */

#include <config.h>

#include "heartbeat.h"

#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "wire.h"

#define MAC_OFS 56
#define MAC_LEN 16
#define FLAG_RECEIVER 1
#define FLAG_DEAF 2

void
heartbeat_init(struct heartbeat *hb, bool sender,
               const uint8_t session[HEARTBEAT_SESSION_LEN],
               const uint8_t key[HEARTBEAT_KEY_LEN])
{
    memset(hb, 0, sizeof *hb);
    hb->sender = sender;
    memcpy(hb->session, session, sizeof hb->session);
    memcpy(hb->key, key, sizeof hb->key);
}

static void
make_mac(const struct heartbeat *hb, const uint8_t *datagram,
         uint8_t mac[MAC_LEN])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned int n;

    HMAC(EVP_sha256(), hb->key, sizeof hb->key, datagram, MAC_OFS, digest,
         &n);
    memcpy(mac, digest, MAC_LEN);
}

void
heartbeat_build(struct heartbeat *hb, uint64_t real, uint64_t mono,
                uint8_t d[HEARTBEAT_LEN])
{
    memset(d, 0, HEARTBEAT_LEN);
    memcpy(d, "DTSB", 4);
    d[4] = 1;
    d[5] = (hb->sender ? 0 : FLAG_RECEIVER) | (hb->deaf ? FLAG_DEAF : 0);
    memcpy(d + 8, hb->session, sizeof hb->session);
    wire_put_u64(d + 24, ++hb->tx_seq);
    wire_put_u64(d + 32, real);
    wire_put_u64(d + 40, hb->peer_real);
    wire_put_u64(d + 48, hb->peer_real ? mono - hb->peer_at : 0);
    make_mac(hb, d, d + MAC_OFS);
}

bool
heartbeat_take(struct heartbeat *hb, const void *datagram, size_t n,
               uint64_t real, uint64_t mono)
{
    const uint8_t *d = datagram;
    uint8_t mac[MAC_LEN];
    uint64_t seq, t1;

    if (n != HEARTBEAT_LEN || memcmp(d, "DTSB", 4) || d[4] != 1
        || (d[5] & ~FLAG_DEAF) != (hb->sender ? FLAG_RECEIVER : 0)
        || memcmp(d + 8, hb->session, sizeof hb->session)) {
        hb->n_bad++;
        return false;
    }
    make_mac(hb, d, mac);
    seq = wire_get_u64(d + 24);
    if (CRYPTO_memcmp(mac, d + MAC_OFS, MAC_LEN) || seq <= hb->rx_seq) {
        hb->n_bad++;
        return false;
    }
    hb->rx_seq = seq;
    hb->unheard = d[5] & FLAG_DEAF;
    hb->peer_real = wire_get_u64(d + 32);
    hb->peer_at = mono;
    hb->n_rx++;

    t1 = wire_get_u64(d + 40);
    if (t1) {
        /* Unsigned: the peer may say anything. */
        uint64_t rtt = real - t1 - wire_get_u64(d + 48);

        if (rtt < 60 * 1000000
            && (!hb->has_sample || rtt < (uint64_t) hb->rtt)) {
            hb->has_sample = true;
            hb->rtt = rtt;
            hb->offset = hb->peer_real - real + rtt / 2;
        }
    }
    return true;
}

bool
heartbeat_estimate(struct heartbeat *hb, int64_t *rtt, int64_t *offset,
                   int64_t *uncertainty)
{
    if (!hb->has_sample) {
        return false;
    }
    hb->has_sample = false;
    *rtt = hb->rtt;
    *offset = hb->offset;
    *uncertainty = hb->rtt / 2;
    return true;
}
