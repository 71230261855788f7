/* SPDX-License-Identifier: Apache-2.0 */
/* Looks after a domain, as the process that `xl create` leaves behind does:
 * when the guest shuts down, its configuration says what becomes of it.
 *
 * Each checkpoint of Remus suspends the guest, which Xen reports as a shutdown
 * too: that is no end.  (xl's own process takes it for one.) */

#include <config.h>

#include <libxl_event.h>
#include <libxl_utils.h>
#include <stdlib.h>
#include <unistd.h>

#include "remus-private.h"
#include "util.h"

#define SUSPENDED_S 2           /* Between looks at a suspended guest. */
#define REBOOT_S 2              /* As xl waits: the old one's devices go. */

struct monitor {
    struct remus_caller caller;
    libxl_ctx *ctx;
    libxl_domain_config config;
    uint32_t domid;
};

static bool
is_suspended(struct monitor *m)
{
    libxl_dominfo info;
    bool suspended;

    libxl_dominfo_init(&info);
    suspended = (!libxl_domain_info(m->ctx, &info, m->domid) && info.shutdown
                 && info.shutdown_reason == LIBXL_SHUTDOWN_REASON_SUSPEND);
    libxl_dominfo_dispose(&info);
    return suspended;
}

static libxl_action_on_shutdown
action_for(const struct monitor *m, int reason)
{
    switch (reason) {
    case LIBXL_SHUTDOWN_REASON_POWEROFF: return m->config.on_poweroff;
    case LIBXL_SHUTDOWN_REASON_REBOOT: return m->config.on_reboot;
    case LIBXL_SHUTDOWN_REASON_CRASH: return m->config.on_crash;
    case LIBXL_SHUTDOWN_REASON_WATCHDOG: return m->config.on_watchdog;
    case LIBXL_SHUTDOWN_REASON_SOFT_RESET: return m->config.on_soft_reset;
    default: return LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
    }
}

/* Returns false when there is nothing more to look after. */
static bool
restart(struct monitor *m)
{
    libxl_domain_destroy(m->ctx, m->domid, NULL);
    sleep(REBOOT_S);
    if (libxl_domain_create_new(m->ctx, &m->config, &m->domid, NULL, NULL)) {
        remus_log(&m->caller, "%s could not be restarted: see above, then xl "
                  "create", m->config.c_info.name);
        return false;
    }
    libxl_domain_unpause(m->ctx, m->domid, NULL);
    remus_log(&m->caller, "%s is restarted as domain %u",
              m->config.c_info.name, m->domid);
    return true;
}

static bool
guest_ended(struct monitor *m, int reason)
{
    libxl_action_on_shutdown action = action_for(m, reason);
    const char *name = m->config.c_info.name;
    char *core;

    remus_log(&m->caller, "%s (domain %u) has shut down (%s): %s", name,
              m->domid, libxl_shutdown_reason_to_string(reason),
              libxl_action_on_shutdown_to_string(action));
    switch (action) {
    case LIBXL_ACTION_ON_SHUTDOWN_PRESERVE:
        return false;
    case LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_DESTROY:
    case LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_RESTART:
        core = xasprintf("/var/lib/xen/dump/%s", name);
        libxl_domain_core_dump(m->ctx, m->domid, core, NULL);
        free(core);
        if (action == LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_RESTART) {
            return restart(m);
        }
        break;
    case LIBXL_ACTION_ON_SHUTDOWN_RESTART:
    case LIBXL_ACTION_ON_SHUTDOWN_RESTART_RENAME:
    case LIBXL_ACTION_ON_SHUTDOWN_SOFT_RESET:
        return restart(m);
    case LIBXL_ACTION_ON_SHUTDOWN_DESTROY:
        break;
    }
    libxl_domain_destroy(m->ctx, m->domid, NULL);
    return false;
}

/* Waits for one end of the domain as it is now.  Returns false when there is
 * nothing more to look after. */
static bool
wait_once(struct monitor *m)
{
    libxl_evgen_domain_death *watch = NULL;
    libxl_event *event = NULL;
    bool more = false;

    if (libxl_evenable_domain_death(m->ctx, m->domid, 0, &watch)) {
        return false;
    }
    if (!libxl_event_wait(m->ctx, &event, LIBXL_EVENTMASK_ALL, NULL, NULL)) {
        if (event->type == LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN
            && event->u.domain_shutdown.shutdown_reason
               == LIBXL_SHUTDOWN_REASON_SUSPEND) {
            /* The watch tells of each shutdown once: it is made anew when the
             * guest runs. */
            while (is_suspended(m)) {
                sleep(SUSPENDED_S);
            }
            more = true;
        } else if (event->type == LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN) {
            more = guest_ended(m, event->u.domain_shutdown.shutdown_reason);
        } else {
            more = event->type != LIBXL_EVENT_TYPE_DOMAIN_DEATH;
        }
        libxl_event_free(m->ctx, event);
    }
    libxl_evdisable_domain_death(m->ctx, watch);
    return more;
}

int
remus_dts_look_after(const char *domain,
                     const struct remus_dts_callbacks *callbacks, void *aux,
                     char **error)
{
    struct monitor m = { .caller = { callbacks, aux } };
    int status = 0;

    if (error) {
        *error = NULL;
    }
    m.ctx = remus_libxl_open(error);
    if (!m.ctx) {
        return DTS_EXIT_NO_DATABASE;
    }
    libxl_domain_config_init(&m.config);
    if (libxl_name_to_domid(m.ctx, domain, &m.domid)
        || libxl_retrieve_domain_configuration(m.ctx, m.domid, &m.config,
                                               NULL)) {
        status = remus_error(error, DTS_EXIT_NOT_FOUND, "there is no domain "
                             "%s here", domain);
    } else {
        /* After a reboot it gets a number of its own. */
        m.config.c_info.domid = 0;
        while (wait_once(&m)) {
            continue;
        }
    }
    libxl_domain_config_dispose(&m.config);
    libxl_ctx_free(m.ctx);
    return status;
}
