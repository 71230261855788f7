/* SPDX-License-Identifier: Apache-2.0 */

/* How often a node is answered as a witness.
 *
 * The answers to all who ask about a node are in one row (Reachability), and a
 * takeover waits for that row to be as its node has read it.  A node that draws
 * new nonces without end would change it faster than anybody can commit.  So
 * each has one answer a second about a node, and BURST at once: what it changes
 * beyond is answered later, with what is seen then.  (Agents draw one nonce in
 * 2 s.) */

#include <config.h>
#include "db.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "db-provider.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/token-bucket.h"
#include "smap.h"
#include "timeval.h"
#include "util.h"

#define BURST 8
#define COST 1000               /* Tokens: one comes each ms. */

static struct shash buckets = SHASH_INITIALIZER(&buckets);
static long long int due = LLONG_MAX;   /* ms */

/* True if what 'asker' was answered about 'subject' may be changed now. */
static bool
may_change(const char *asker, const char *subject)
{
    char *key = xasprintf("%s %s", asker, subject);
    struct token_bucket *tb = shash_find_data(&buckets, key);

    if (!tb) {
        tb = xmalloc(sizeof *tb);
        token_bucket_init(tb, 1, BURST * COST);
        tb->tokens = BURST * COST;
        tb->last_fill = time_msec();
        shash_add(&buckets, key, tb);
    }
    free(key);
    if (token_bucket_withdraw(tb, COST)) {
        return true;
    }
    due = MIN(due, time_msec() + COST);
    return false;
}

/* Takes out of '*nonces', which are to be answered about 'subject' in place of
 * 'old', what is too early. */
void
db_pace_answers(const char *subject, const struct smap *old,
                struct smap *nonces)
{
    const struct smap_node *node, *next;

    SMAP_FOR_EACH_SAFE (node, next, nonces) {
        const char *before = smap_get(old, node->key);

        if (before && !strcmp(before, node->value)) {
            continue;
        }
        if (!may_change(node->key, subject)) {
            if (before) {
                smap_replace(nonces, node->key, before);
            } else {
                smap_remove(nonces, node->key);
            }
        }
    }
    SMAP_FOR_EACH (node, old) {
        if (!smap_get(nonces, node->key)
            && !may_change(node->key, subject)) {
            smap_add(nonces, node->key, node->value);
        }
    }
}

/* True once when some of what was too early is not any more. */
bool
db_pace_run(void)
{
    if (time_msec() >= due) {
        due = LLONG_MAX;
        return true;
    }
    return false;
}

void
db_pace_wait(void)
{
    if (due != LLONG_MAX) {
        poll_timer_wait_until(due);
    }
}
