/* SPDX-License-Identifier: Apache-2.0 */
/* Whether checkpoints come as often as is bearable: see the header. */

#include <config.h>

#include "slow.h"

#include "remus-dts/remus.h"
#include "util.h"

int
slow_default_bound(int interval_ms)
{
    return MAX(10 * interval_ms, 2000);
}

bool
slow_checkpoint(struct slow *s, const struct remus_dts_checkpoint *c)
{
    bool over = c->interval_us > s->bound_ms * INT64_C(1000);

    if (!c->interval_us || over == s->slow) {
        s->n = 0;               /* (The first two tell no interval.) */
        return false;
    }
    if (++s->n < SLOW_CHECKPOINTS) {
        return false;
    }
    s->n = 0;
    s->slow = over;
    return true;
}

char *
slow_text(const struct remus_dts_checkpoint *c, int interval_ms)
{
    int64_t link = c->send_us + c->ack_us;
    const char *what = "the guest takes long to stand still";
    int64_t most = c->suspend_us;

    if (c->pause_us > most) {
        most = c->pause_us;
        what = "the guest's memory takes long to be copied: it writes much, "
               "or this host is busy";
    }
    if (link > most) {
        most = link;
        what = c->ack_us > c->send_us
               ? "the standby takes long to acknowledge: it is far, or busy"
               : "the link takes long to send: --compress, or more bandwidth";
    }
    return xasprintf("a checkpoint comes each %lld ms, not each %d; %lld ms "
                     "of it: %s", (long long int) c->interval_us / 1000,
                     interval_ms, (long long int) most / 1000, what);
}
