/* SPDX-License-Identifier: Apache-2.0 */
/* What the gate does: see the header.
 *
 * On the restoring side the copy runs once libxl has read messages 9 (restore
 * results) and 10 (complete, with result 0); on the saving side xl resumes
 * the guest once the helper has ended, or has said 10.  So these pass only
 * with a verdict.  A helper that failed to restore (10 with another result,
 * or its end without 10) makes libxl destroy an incomplete copy: that needs
 * no leave. */

#include <config.h>

#include "gate.h"

#include <string.h>

#include "helper-frames.h"

void
gate_init(struct gate *gate, bool save, enum gate_session session)
{
    memset(gate, 0, sizeof *gate);
    gate->save = save;
    gate->session = session;
}

bool
gate_message(struct gate *gate, uint16_t number, int retval)
{
    if (number == HELPER_RESTORE_RESULTS && !gate->save) {
        gate->results = true;
    } else if (number == HELPER_COMPLETE) {
        gate->completed = true;
        gate->retval = retval;
    } else {
        return true;
    }
    return gate->session == GATE_NONE || gate->verdict == GATE_OPEN;
}

unsigned int
gate_actions(const struct gate *gate)
{
    bool waits, failed;

    /* Does something wait for a verdict? */
    failed = gate->completed ? gate->retval != 0 : gate->ended;
    waits = (gate->save ? gate->completed || gate->ended || gate->stalled
                          || gate->stopping
             : gate->completed && !failed);

    if (!gate->save && !failed && gate->ended && gate->verdict != GATE_OPEN
        && gate->session != GATE_NONE) {
        return GATE_FAIL;       /* It died with its success withheld. */
    }
    if (gate->session == GATE_NONE || gate->verdict == GATE_OPEN
        || (!gate->save && failed)) {
        bool stop = (gate->save
                     && (gate->verdict == GATE_OPEN || gate->stopping)
                     && !gate->completed && !gate->ended);

        return GATE_PASS | (gate->ended ? GATE_END : 0)
               | (stop ? GATE_STOP : 0);
    }
    if (gate->verdict == GATE_SHUT) {
        return gate->save ? 0 : GATE_FAIL;
    }
    return waits && gate->session == GATE_ARMED ? GATE_ASK : 0;
}

bool
gate_set_verdict(struct gate *gate, const char *verdict)
{
    if (!strcmp(verdict, gate->save ? "alone" : "granted")) {
        gate->verdict = GATE_OPEN;
    } else if (!strcmp(verdict, gate->save ? "taken" : "denied")) {
        gate->verdict = GATE_SHUT;
    } else {
        return false;
    }
    return true;
}
