/* SPDX-License-Identifier: Apache-2.0 */

/* What the agent remembers of each domain from round to round (tracked.h). */

#include <config.h>
#include "tracked.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binding.h"
#include "openvswitch/shash.h"
#include "rundir.h"
#include "timeval.h"
#include "util.h"

static struct shash all = SHASH_INITIALIZER(&all);
static unsigned int sweep;
static long long int busy_until;

struct tracked *
tracked_find(const char *name)
{
    return shash_find_data(&all, name);
}

struct tracked *
tracked_get(const char *name)
{
    struct tracked *t = shash_find_data(&all, name);

    if (!t) {
        t = xzalloc(sizeof *t);
        t->name = xstrdup(name);
        t->session = xstrdup("");
        t->given_up = -1;
        smap_init(&t->phases);
        t->sweep = sweep;
        shash_add(&all, name, t);
    }
    return t;
}

static void
destroy(struct tracked *t)
{
    free(t->name);
    free(t->accepted.owner);
    free(t->accepted.standby);
    free(t->accepted.session);
    free(t->session);
    free(t->acted_owner);
    smap_destroy(&t->phases);
    free(t);
}

bool
tracked_drop(const char *name)
{
    struct tracked *t = shash_find_and_delete(&all, name);

    if (t) {
        destroy(t);
    }
    return t != NULL;
}

bool
tracked_sweep(const struct dts_view *view)
{
    const struct dts_domain *d;
    struct shash_node *node;
    bool any = false;

    sweep++;
    HMAP_FOR_EACH (d, hmap_node, &view->domains) {
        struct tracked *t = tracked_find(d->name);
        if (t) {
            t->sweep = sweep;
        }
    }
    SHASH_FOR_EACH_SAFE (node, &all) {
        struct tracked *t = node->data;
        if (t->sweep != sweep) {
            shash_delete(&all, node);
            destroy(t);
            any = true;
        }
    }
    return any;
}

/* The file of the mark 'what' of the domain 'name', to be freed. */
static char *
mark_path(const char *name, const char *what)
{
    char *path = xasprintf("%s/%s-%s", dts_rundir(), what, name);

    for (char *p = path + strlen(path) - strlen(name); *p; p++) {
        if (!isalnum((unsigned char) *p) && !strchr("-_.+", *p)) {
            *p = '_';
        }
    }
    return path;
}

bool
tracked_guest_seen(struct tracked *t)
{
    if (t->guest_seen == SEEN_UNKNOWN) {
        char *path = mark_path(t->name, "seen");
        t->guest_seen = access(path, F_OK) ? SEEN_NO : SEEN_YES;
        free(path);
    }
    return t->guest_seen == SEEN_YES;
}

void
tracked_set_guest_seen(struct tracked *t)
{
    if (!tracked_guest_seen(t)) {
        char *path = mark_path(t->name, "seen");
        int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        if (fd >= 0) {
            close(fd);
        }
        free(path);
        t->guest_seen = SEEN_YES;
    }
}

int
tracked_fenced(struct tracked *t)
{
    if (!t->fenced_known) {
        char *path = mark_path(t->name, "fenced");
        FILE *file = fopen(path, "re");

        if (!file || fscanf(file, "%d", &t->fenced_domid) != 1) {
            t->fenced_domid = -1;
        }
        if (file) {
            fclose(file);
        }
        free(path);
        t->fenced_known = true;
    }
    return t->fenced_domid;
}

void
tracked_set_fenced(struct tracked *t, int domid)
{
    if (tracked_fenced(t) != domid) {
        char *path = mark_path(t->name, "fenced");
        FILE *file = domid >= 0 ? fopen(path, "we") : NULL;

        if (file) {
            fprintf(file, "%d\n", domid);
            fclose(file);
        } else {
            unlink(path);
        }
        free(path);
        t->fenced_domid = domid;
    }
}

/* (Whom the fence paused stays known until that guest is gone.) */
void
tracked_forget(const char *name)
{
    char *path = mark_path(name, "seen");

    unlink(path);
    free(path);
}

/* A failover that this agent has seen happen was now.  Of one from before it
 * knew the domain it has the word of another host's clock: one that is ahead of
 * ours has said nothing. */
static void
note_failover(struct tracked *t, const struct dts_domain *d)
{
    long long int ago = t->known ? 0 : time_wall_msec() - d->failover_at;

    t->failover_at = d->failover_at;
    t->failover_mono = time_msec() - MAX(ago, 0);
}

long long int
tracked_hold_ms(const struct tracked *t, const struct dts_domain *d,
                int hold_down_s)
{
    return binding_hold_ms(d, hold_down_s, time_msec() - t->failover_mono);
}

/* Notes since when the binding is as it is. */
void
tracked_update(struct tracked *t, const struct dts_domain *d)
{
    if (t->failover_at != d->failover_at) {
        note_failover(t, d);
    }
    if (!t->known || t->generation != d->generation || t->state != d->state
        || strcmp(t->session, d->session)) {
        t->known = true;
        t->generation = d->generation;
        t->state = d->state;
        free(t->session);
        t->session = xstrdup(d->session);
        t->in_state_since = time_msec();
        tracked_set_busy();
    }
}

static void
replace(char **s, const char *new)
{
    if (!*s || strcmp(*s, new)) {
        free(*s);
        *s = xstrdup(new);
    }
}

void
tracked_accept(struct tracked *t, const struct dts_domain *d)
{
    struct tracked_binding *a = &t->accepted;

    if (d->has_binding) {
        replace(&a->owner, d->owner);
        replace(&a->standby, d->standby);
        replace(&a->session, d->session);
        a->generation = d->generation;
        a->state = d->state;
    }
}

/* Puts 'd' back to what was accepted last. */
void
tracked_restore(const struct tracked *t, struct dts_domain *d,
                const struct dts_view *view)
{
    const struct tracked_binding *a = &t->accepted;

    if (!a->owner) {
        d->has_binding = false; /* Nothing is admitted. */
        return;
    }
    replace(&d->owner, a->owner);
    replace(&d->standby, a->standby);
    replace(&d->session, a->session);
    d->generation = a->generation;
    d->state = a->state;
    d->owner_node = dts_view_find_node(view, d->owner);
    d->standby_node = dts_view_find_node(view, d->standby);
}

/* Records that 'name' happened at 'mono_us', the first time only. */
void
tracked_phase(struct tracked *t, const char *name, long long int mono_us)
{
    if (!smap_get(&t->phases, name)) {
        long long int real = time_wall_usec() - (time_usec() - mono_us);
        smap_add_format(&t->phases, name, "%lld %lld", real, mono_us);
    }
}

void
tracked_phase_reset(struct tracked *t)
{
    smap_clear(&t->phases);
}

/* True while something may time out soon. */
bool
tracked_busy(void)
{
    return time_msec() < busy_until;
}

void
tracked_set_busy(void)
{
    busy_until = time_msec() + 60000;
}
