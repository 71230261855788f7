/* SPDX-License-Identifier: Apache-2.0 */
/* What a dead `xl-remus protect` left: see the header.
 *
 * Nobody has said yet, perhaps, whose the domain is: its standby may be about
 * to take it over, from a checkpoint that does not know what is held.  A new
 * buffer is laid over the old one, which lets out what that holds.  So this is
 * asked first; the rule is the one by which the agent lets it out by itself
 * (its hook `unbuffer`): the domain is this node's alone, and no session has a
 * name. */

#include <config.h>

#include "left.h"

#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-client.h"
#include "netdev-exists.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "plug.h"
#include "util.h"

#define AGENT_MS 2000
#define WAIT_MS 3000
#define STEP_MS 200

bool
left_buffer(uint32_t domid)
{
    char name[IFNAMSIZ];

    for (int devid = 0; devid < PLUG_MAX; devid++) {
        snprintf(name, sizeof name, "dtsa%"PRIu32".%d", domid, devid);
        if (dts_netdev_exists(name)) {
            return true;
        }
    }
    return false;
}

static const char *
text(const struct json *object, const char *name)
{
    const struct json *s = (object && object->type == JSON_OBJECT
                            ? shash_find_data(json_object(object), name)
                            : NULL);

    return s && s->type == JSON_STRING ? json_string(s) : "";
}

char *
left_problem(const struct json *status)
{
    const char *node = text(status, "node");
    const struct json *list, *d;

    list = (status && status->type == JSON_OBJECT
            ? shash_find_data(json_object(status), "domains") : NULL);
    if (!node[0] || !list || list->type != JSON_ARRAY
        || json_array(list)->n != 1) {
        return xstrdup("dts-agent does not know it");
    }
    d = json_array(list)->elems[0];
    if (strcmp(text(d, "owner"), node)) {
        return xasprintf("it is bound to %s", text(d, "owner"));
    } else if (strcmp(text(d, "state"), "alone")) {
        return xasprintf("it is %s", text(d, "state"));
    } else if (text(d, "session")[0]) {
        return xasprintf("session %s is not ended", text(d, "session"));
    }
    return NULL;
}

/* One look. */
static char *
ask(const char *domain)
{
    struct agent_msg *answer = NULL;
    char *problem;

    problem = (agent_client_status(domain, AGENT_MS, AGENT_MS, &answer)
               ? xstrdup("dts-agent does not answer")
               : answer->error ? xstrdup(answer->error)
               : left_problem(answer->result));
    agent_msg_destroy(answer);
    return problem;
}

char *
left_wait(const char *domain)
{
    char *problem = ask(domain);

    for (int ms = 0; problem && ms < WAIT_MS; ms += STEP_MS) {
        free(problem);
        poll(NULL, 0, STEP_MS);
        problem = ask(domain);
    }
    return problem;
}
