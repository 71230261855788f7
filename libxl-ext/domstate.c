/* SPDX-License-Identifier: Apache-2.0 */
/* A domain's state, in words: what xl-remus and dts-domwatch tell.
 *
 * The point that matters is "suspended": for Xen it is a shutdown with reason
 * suspend, and Remus does it to the domain several times a second.  Only a
 * domain that is so without having used any CPU time in between was left
 * suspended. */

#include <config.h>

#include "domstate.h"

#include <stdlib.h>
#include <string.h>

#include "unicode.h"
#include "util.h"

const char *
dom_state_to_string(enum dom_state state)
{
    switch (state) {
    case DOM_RUNNING: return "running";
    case DOM_PAUSED: return "paused";
    case DOM_SHUTDOWN: return "shutdown";
    case DOM_DYING: return "dying";
    case DOM_GONE: return "gone";
    }
    OVS_NOT_REACHED();
}

bool
dom_is_suspended(const struct dom *d)
{
    return d->state == DOM_SHUTDOWN && !strcmp(d->reason, "suspend");
}

void
dom_uninit(struct dom *d)
{
    free(d->name);
    d->name = NULL;
}

struct json *
dom_to_json(const struct dom *d)
{
    struct json *o = json_object_create();
    char *name = xstrdup(d->name), *invalid, *p;
    size_t len;

    /* A name is bytes, JSON is UTF-8. */
    invalid = utf8_validate(name, &len);
    for (p = name; invalid && *p; p++) {
        if (*p & 0x80) {
            *p = '?';
        }
    }
    free(invalid);
    json_object_put(o, "domid", json_integer_create(d->domid));
    json_object_put(o, "name", json_string_create_nocopy(name));
    json_object_put_string(o, "uuid", d->uuid);
    json_object_put_string(o, "state", dom_state_to_string(d->state));
    json_object_put_string(o, "reason", d->reason);
    return o;
}

bool
dom_still_suspended(const struct dom *then, const struct dom *now)
{
    return (now && dom_is_suspended(then) && dom_is_suspended(now)
            && then->domid == now->domid && !strcmp(then->uuid, now->uuid)
            && then->cpu_time == now->cpu_time);
}
