/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_GATE_H
#define DTS_GATE_H 1

/* What the gate does with the helper's messages and its end: docs/protocol.md,
 * "What the gate does", as a function of what happened.
 *
 * Pure: no descriptor, no clock, no agent. */

#include <stdbool.h>
#include <stdint.h>

enum gate_session {
    GATE_UNKNOWN,               /* The agent has not answered `hello` yet. */
    GATE_NONE,                  /* No session: everything passes. */
    GATE_ARMED,
};

enum gate_verdict {
    GATE_NO_VERDICT,
    GATE_OPEN,                  /* granted, alone, or kill */
    GATE_SHUT,                  /* denied, taken */
};

/* What is due now. */
enum gate_action {
    GATE_PASS = 1 << 0,         /* Let the frames that are withheld through. */
    GATE_END = 1 << 1,          /* Pass the helper's end on. */
    GATE_ASK = 1 << 2,          /* grant? or alone? */
    GATE_STOP = 1 << 3,         /* End the helper so that libxl learns. */
    GATE_FAIL = 1 << 4,         /* Kill the helper, exit with status 1. */
};

struct gate {
    bool save;                  /* Else restore. */
    enum gate_session session;
    enum gate_verdict verdict;

    /* The helper. */
    bool results;               /* Restore: message 9 came. */
    bool completed;             /* Message 10 came... */
    int retval;                 /* ...with this result. */
    bool ended;                 /* The process. */
    bool stalled;               /* Save: the guest is suspended for long. */
    bool stopping;              /* Save: xl-remus ends replication. */
};

void gate_init(struct gate *, bool save, enum gate_session);

/* Message 'number' came ('retval': of 10).  Returns true if it passes at once,
 * false if it must be kept until gate_actions() says GATE_PASS. */
bool gate_message(struct gate *, uint16_t number, int retval);

/* What is due in this state: a set of enum gate_action.  Idempotent. */
unsigned int gate_actions(const struct gate *);

/* Takes over a verdict's name; false if it is none of this side's. */
bool gate_set_verdict(struct gate *, const char *verdict);

#endif /* gate.h */
