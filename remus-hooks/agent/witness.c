/* SPDX-License-Identifier: Apache-2.0 */

/* Asking the witness.
 *
 * The standby that suspects its owner writes a Suspicion with a nonce; the
 * witness's agent answers that nonce with what its own liveness session to the
 * owner says (db-wishes.c writes the answer).  A silent witness, and one that
 * has not seen the owner up since it started, never lead to a takeover.
 *
 * The same rows tell an owner that its standby suspects it. */

#include <config.h>
#include "witness.h"

#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "sset.h"
#include "timeval.h"
#include "util.h"
#include "uuid.h"

VLOG_DEFINE_THIS_MODULE(witness);

/* An answer that is older is asked for again. */
#define NONCE_MS 2000

struct question {
    char *nonce;
    long long int since;        /* ms, monotonic: when it was drawn. */
    bool asked;                 /* In this round. */
};

struct suspicion {
    long long int since;        /* ms, monotonic */
};

static struct shash questions = SHASH_INITIALIZER(&questions);
static struct shash suspected_by = SHASH_INITIALIZER(&suspected_by);

static void note_suspicions(void);

void
witness_begin(void)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &questions) {
        struct question *q = node->data;
        q->asked = false;
    }
    note_suspicions();
}

void
witness_end(void)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &questions) {
        struct question *q = node->data;
        if (!q->asked) {
            VLOG_INFO("%s is suspected no more", node->name);
            db_put_suspicion(node->name, NULL);
            free(q->nonce);
            free(q);
            shash_delete(&questions, node);
        }
    }
}

const char *
witness_of(const struct dts_domain *d)
{
    if (d->witness[0]) {
        return d->witness;
    }
    return d->network && d->network->n_ports ? d->network->ports[0].gateway
                                             : NULL;
}

/* Asks about 'd's owner, if that is not done already. */
void
witness_ask(const struct dts_domain *d)
{
    struct question *q = shash_find_data(&questions, d->owner);

    if (!q) {
        q = xzalloc(sizeof *q);
        shash_add(&questions, d->owner, q);
        VLOG_INFO("%s is suspected: asking the witness", d->owner);
    }
    if (!q->nonce || time_msec() - q->since >= NONCE_MS) {
        struct uuid uuid;

        uuid_generate(&uuid);
        free(q->nonce);
        q->nonce = xasprintf(UUID_FMT, UUID_ARGS(&uuid));
        q->since = time_msec();
        db_put_suspicion(d->owner, q->nonce);
    }
    q->asked = true;
}

const char *
witness_nonce(const char *about)
{
    const struct question *q = shash_find_data(&questions, about);
    return q ? q->nonce : "";
}

static enum witness_answer
to_answer(enum dts_reach state)
{
    return (state == DTS_REACH_UP ? WITNESS_UP
            : state == DTS_REACH_DOWN ? WITNESS_DOWN : WITNESS_NONE);
}

void
witness_read(const struct dts_domain *d, enum witness_answer *owner,
             enum witness_answer *self)
{
    const char *witness = witness_of(d);
    const char *nonce = witness_nonce(d->owner);
    struct db_reach reach;

    *owner = *self = WITNESS_NONE;
    if (!witness || !nonce[0]) {
        return;
    }
    if (db_get_reach(witness, d->owner, d->standby, &reach)
        && !strcmp(reach.answered, nonce)) {
        *owner = to_answer(reach.state);
    }
    if (db_get_reach(witness, d->standby, d->standby, &reach)) {
        *self = to_answer(reach.state);
    }
}

long long int
witness_suspected_ms(const char *by)
{
    const struct suspicion *s = shash_find_data(&suspected_by, by);
    return s ? time_msec() - s->since : 0;
}

/* Whoever suspects this node now. */
static void
note_suspicions(void)
{
    const struct dts_view *view = db_view();
    struct sset by = SSET_INITIALIZER(&by);
    struct shash_node *node;
    const char *name;

    if (view) {
        db_get_askers(view->self_name, &by);
    }
    SHASH_FOR_EACH_SAFE (node, &suspected_by) {
        if (!sset_contains(&by, node->name)) {
            free(node->data);
            shash_delete(&suspected_by, node);
        }
    }
    SSET_FOR_EACH (name, &by) {
        if (!shash_find(&suspected_by, name)) {
            struct suspicion *s = xzalloc(sizeof *s);

            s->since = time_msec();
            shash_add(&suspected_by, name, s);
            VLOG_WARN("%s suspects this node", name);
        }
    }
    sset_destroy(&by);
}
