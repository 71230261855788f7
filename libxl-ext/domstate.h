/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMSTATE_H
#define DOMSTATE_H 1

/* A domain as the hypervisor shows it, in the words that remus-dts uses. */

#include <stdbool.h>
#include <stdint.h>
#include "openvswitch/json.h"


enum dom_state {
    DOM_RUNNING,                /* Or blocked: it may run at any time. */
    DOM_PAUSED,
    DOM_SHUTDOWN,               /* For a reason: see 'reason'. */
    DOM_DYING,
    DOM_GONE,
};

struct dom {
    uint32_t domid;
    char *name;                 /* "" if xenstore has none. */
    char uuid[37];
    enum dom_state state;
    bool paused;                /* Also when it is shut down. */
    const char *reason;         /* "poweroff", "reboot", "suspend", "crash",
                                 * "watchdog", "soft_reset"; "" if it is not
                                 * shut down. */
    uint64_t cpu_time;          /* ns: grows when it runs. */
};

const char *dom_state_to_string(enum dom_state);
bool dom_is_suspended(const struct dom *);
void dom_uninit(struct dom *);

/* {"domid", "name", "uuid", "state", "reason"} */
struct json *dom_to_json(const struct dom *);

/* Is a domain that was suspended when it was looked at first ('then') and is
 * at the latest look ('now', may be NULL: gone) left suspended?  False if it
 * ran in between, as it does between two checkpoints. */
bool dom_still_suspended(const struct dom *then, const struct dom *now);

#endif /* domstate.h */
