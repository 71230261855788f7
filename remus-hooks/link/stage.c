/* SPDX-License-Identifier: Apache-2.0 */
/* The receiving end's state machine: see the header.
 *
 *   COPYING --- first whole checkpoint --> HOLDING --- commit --> DRAINING
 *
 *   each of them -----------------------------------------------> RESET
 *     COPYING: at a suspicion; HOLDING: when denied; DRAINING: when drained;
 *     and any of them when xl has ended, or is to
 *
 * In HOLDING a suspicion ends nothing: the agent is asked, and whoever died is
 * for it to say. */

#include <config.h>

#include "stage.h"

#include <string.h>

#include "util.h"

void
stage_init(struct stage *s)
{
    memset(s, 0, sizeof *s);
}

bool
stage_whole(struct stage *s)
{
    if (s->name != STAGE_COPYING) {
        return false;
    }
    s->name = STAGE_HOLDING;
    return true;
}

bool
stage_passes(const struct stage *s, bool stream_ended)
{
    return s->name == STAGE_COPYING || stream_ended;
}

bool
stage_wants(const struct stage *s, bool connected, uint64_t ready,
            uint64_t burst, uint64_t memory)
{
    return (connected && s->name <= STAGE_HOLDING
            && ready < (s->name == STAGE_COPYING ? burst : memory));
}

unsigned int
stage_end(struct stage *s)
{
    if (s->name == STAGE_RESET) {
        return 0;
    }
    s->name = STAGE_RESET;
    return STAGE_END;
}

unsigned int
stage_suspicion(struct stage *s, int suspicion)
{
    if (suspicion == s->told || s->name > STAGE_HOLDING) {
        return 0;
    }
    s->told = suspicion;
    if (!suspicion) {
        return STAGE_SAY_HEARD;
    } else if (s->name == STAGE_COPYING) {
        return STAGE_SAY_SUSPECT | stage_end(s);
    } else if (s->asked) {
        return STAGE_SAY_SUSPECT;
    }
    s->asked = true;
    return STAGE_SAY_SUSPECT | STAGE_ASK;
}

unsigned int
stage_verdict(struct stage *s, const char *verdict)
{
    if (!strcmp(verdict, "kill")) {
        return stage_end(s);
    } else if (s->name > STAGE_HOLDING) {
        return 0;
    } else if (!strcmp(verdict, "commit") || !strcmp(verdict, "granted")) {
        if (s->name == STAGE_COPYING) {
            return stage_end(s);        /* Of nothing: there is no copy. */
        }
        s->name = STAGE_DRAINING;
        return STAGE_DRAIN;
    }
    return !strcmp(verdict, "denied") ? stage_end(s) : 0;
}

unsigned int
stage_drained(struct stage *s)
{
    return s->name == STAGE_DRAINING ? stage_end(s) : 0;
}

bool
stage_hung(struct stage *s, uint64_t marked, uint64_t left,
           long long int now, long long int limit)
{
    uint64_t taken = marked - MIN(left, marked);

    if (s->name != STAGE_HOLDING || !left || taken != s->taken) {
        s->taken = taken;
        s->taken_at = now;
        return false;
    }
    return now - s->taken_at > limit;
}
