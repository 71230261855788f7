/* SPDX-License-Identifier: Apache-2.0 */

/* Sessions of replication, as the node's links and gates tell of them.
 *
 * A session is one stream of one domain from one node to another, named by a
 * UUID that the sending link drew.  At each end it has a link (dts-link) and a
 * gate (dts-save-helper around Xen's helper), two processes that connect to
 * the agent, tell what they see, and ask what they may do.  This file only
 * keeps what they said; takeover.c judges.
 *
 * A session outlives its connections: a link or an agent that was restarted
 * finds it again by its UUID. */

#include <config.h>
#include "session.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "guests.h"
#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/vlog.h"
#include "server.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(session);

/* A session is forgotten when nobody has been connected to it for so long. */
#define EXPIRE_MS 60000
/* A gate that was told to end has so long. */
#define KILL_MS 1000

static struct ovs_list sessions = OVS_LIST_INITIALIZER(&sessions);
static struct hmap by_domain = HMAP_INITIALIZER(&by_domain);
static uint64_t n_created;

struct session *
session_find(const char *uuid)
{
    struct session *s;

    LIST_FOR_EACH (s, list_node, &sessions) {
        if (!strcmp(s->uuid, uuid)) {
            return s;
        }
    }
    return NULL;
}

struct session *
session_of(const char *domain, bool sender, const char *uuid)
{
    struct session *s, *newest = NULL;

    HMAP_FOR_EACH_WITH_HASH (s, hmap_node, hash_string(domain, 0),
                             &by_domain) {
        if (s->sender == sender && !strcmp(s->domain, domain)
            && (!uuid || !strcmp(s->uuid, uuid))
            && (!newest || s->serial > newest->serial)) {
            newest = s;
        }
    }
    return newest;
}

static struct session *
session_create(const char *uuid, const char *domain, bool sender)
{
    struct session *s = xzalloc(sizeof *s);

    s->uuid = xstrdup(uuid);
    s->domain = xstrdup(domain);
    s->sender = sender;
    s->link_gone = s->gate_gone = LLONG_MAX;
    s->since = s->n_at = s->last_beat = time_msec();
    s->reason = xstrdup("");
    s->realtime = xstrdup("");
    s->slow = xstrdup("");
    s->verdict = VERDICT_NOT_YET;
    s->serial = ++n_created;
    ovs_list_push_front(&sessions, &s->list_node);
    hmap_insert(&by_domain, &s->hmap_node, hash_string(domain, 0));
    VLOG_INFO("domain %s: session %s as %s", domain, uuid,
              sender ? "sender" : "receiver");
    return s;
}

static struct json *
put_string(struct json *o, const char *name, const char *value)
{
    json_object_put_string(o, name, value);
    return o;
}

static void
put_int(struct json *o, const char *name, int64_t value)
{
    json_object_put(o, name, json_integer_create(value));
}

/* The newest checkpoint that the standby has; -1: what it has is not to be
 * waited for. */
static int64_t
acked(const struct session *s)
{
    return s->link && !s->suspect ? s->n : -1;
}

/* So that the gate lets the next checkpoint wait (libxl-ext/pace.h). */
static void
tell_acked(const struct session *s)
{
    if (s->sender && s->gate) {
        struct json *o = json_object_create();

        put_string(o, "session", s->uuid);
        put_int(o, "n", acked(s));
        server_notify(s->gate, "acked", o);
    }
}

/* Why a link may not have 'uuid' for 'd' here, or NULL.  To be freed. */
static char *
refuse_link(const struct dts_view *view, const struct dts_domain *d,
            bool sender, const char *uuid, const char *peer)
{
    const struct session *other;

    if (!d->has_binding) {
        return xasprintf("domain %s has no binding: dts-ctl domain-add makes "
                         "one", d->name);
    }
    if (!strcmp(d->session, uuid)) {
        return NULL;            /* Known: it has lost us for a while. */
    }
    if (sender) {
        if (strcmp(d->owner, view->self_name)) {
            return xasprintf("%s runs on %s (generation %"PRId64"): dts-ctl "
                             "switch %s %s", d->name, d->owner, d->generation,
                             d->name, view->self_name);
        }
        if (peer[0] && !dts_view_find_node(view, peer)) {
            return xasprintf("there is no node called \"%s\" (the standby "
                             "of %s is %s)", peer, d->name, d->standby);
        }
        if (peer[0] && strcmp(peer, d->standby)) {
            return xasprintf("the standby of %s is %s, not %s: dts-ctl "
                             "domain-set %s secondary=%s", d->name,
                             d->standby, peer, d->name, peer);
        }
    } else {
        if (strcmp(d->standby, view->self_name)) {
            return xasprintf("the standby of %s is %s, not this node (%s)",
                             d->name, d->standby, view->self_name);
        }
        if (strcmp(peer, d->owner)) {
            return xasprintf("%s is not the owner of %s: %s is", peer,
                             d->name, d->owner);
        }
    }
    other = session_of(d->name, sender, NULL);
    if (other && other->link && strcmp(other->uuid, uuid)) {
        return xasprintf("%s has session %s already (process %d): end that "
                         "`xl remus` first", d->name, other->uuid,
                         (int) other->link->pid);
    }
    if (d->state != DTS_ALONE
        && !(sender && d->state == DTS_STOPPED
             && guests_find(d->name, GUEST_OWN))) {
        return xasprintf("%s is %s (%s): it can be protected when its owner "
                         "runs it alone", d->name,
                         dts_state_to_string(d->state), d->cause);
    }
    return NULL;
}

/* A process that comes back may take the place of its own old connection, and
 * anybody that of a dead one.  Another one that lives would be robbed of its
 * session: returns false, and 'c' has been told. */
static bool
may_replace(const struct session *s, const struct conn *old,
            struct conn *c, const struct json *id)
{
    if (!old || old == c || old->pid == c->pid
        || (kill(old->pid, 0) && errno == ESRCH)) {
        return true;
    }
    server_reply_error(c, id, 3, "%s is in session %s already (process %d): "
                       "end that `xl remus` first", s->domain, s->uuid,
                       (int) old->pid);
    VLOG_WARN("domain %s: session %s: process %d is refused, process %d has "
              "it", s->domain, s->uuid, (int) c->pid, (int) old->pid);
    return false;
}

static bool
hello_link(struct conn *c, const struct json *id, const struct json *params)
{
    bool sender = c->role == CONN_LINK_SEND;
    const char *name = param_string(params, "domain", "");
    const char *uuid = param_string(params, "session", "");
    const char *peer = param_string(params, "peer", "");
    const struct dts_view *view = db_view();
    const struct dts_domain *d;
    struct session *s;

    if (!view || !view->self) {
        server_reply_error(c, id, 4, "the agent has not read the DTS "
                           "database yet%s", view ? " (this node is not in "
                           "it: dts-ctl node-add)" : "");
        return false;
    }
    if (!sender && !name[0] && !uuid[0]) {
        /* The listener, which has no session: it wants to know where. */
        server_reply(c, id, session_facts(NULL, "", "", NULL));
        return true;
    }
    d = dts_view_find_domain(view, name);
    s = session_find(uuid);
    if (!d && !s) {
        server_reply_error(c, id, 2, "domain \"%s\" is not in the DTS "
                           "database: dts-ctl domain-add", name);
        return false;
    }
    if (!uuid[0]) {
        server_reply_error(c, id, 1, "hello of a link without a session");
        return false;
    }
    if (!s) {
        char *error = refuse_link(view, d, sender, uuid, peer);
        if (error) {
            server_reply_error(c, id, 3, "%s", error);
            free(error);
            return false;
        }
        s = session_create(uuid, name, sender);
    }
    if (s->sender != sender || strcmp(s->domain, name)) {
        server_reply_error(c, id, 3, "session %s is another one", uuid);
        return false;
    }
    /* A session is one connection between two processes, which come back here
     * if we lose them.  Whoever else names it repeats an old one. */
    if (s->ended || (s->link_pid && s->link_pid != c->pid)) {
        VLOG_WARN("domain %s: session %s was refused to process %d: %s",
                  name, uuid, (int) c->pid,
                  s->ended ? "it has ended" : "another process has it");
        server_reply_error(c, id, 3, "session %s %s: each `xl remus` needs a "
                           "session of its own", uuid, s->ended
                           ? "has ended" : "is another process's");
        return false;
    }
    if (!may_replace(s, s->link, c, id)) {
        return false;
    }
    if (s->link && s->link != c) {
        s->link->session = NULL;
    }
    s->link = c;
    s->link_pid = c->pid;
    c->session = s;
    tell_acked(s);
    server_reply(c, id, session_facts(d, name, uuid,
                                      !d ? NULL : sender ? d->standby
                                      : d->owner));
    return true;
}

static bool
hello_gate(struct conn *c, const struct json *id, const struct json *params)
{
    bool sender = c->role == CONN_GATE_SAVE;
    const char *uuid = param_string(params, "session", "");
    const char *name = param_string(params, "domain", "");
    struct session *s = uuid[0] ? session_find(uuid) : NULL;

    if (sender && !uuid[0]) {
        const struct guest *g = guests_find_domid(param_int(params, "domid",
                                                            -1));
        name = g ? g->name : name;
        s = session_of(name, true, NULL);
        if (s && !may_replace(s, s->gate, c, id)) {
            return false;
        }
        if (s && !s->link) {
            s = NULL;
        }
    } else if (!s && uuid[0] && name[0]) {
        s = session_create(uuid, name, sender); /* The agent was restarted. */
    }
    if (!s || s->sender != sender) {
        /* Not ours: the gate passes everything through. */
        server_reply(c, id, session_facts(NULL, name, "", NULL));
        return true;
    }
    if (!may_replace(s, s->gate, c, id)) {
        return false;
    }
    if (s->gate && s->gate != c) {
        s->gate->session = NULL;
    }
    s->gate = c;
    c->session = s;

    const struct dts_view *view = db_view();
    struct json *facts = session_facts(
        view ? dts_view_find_domain(view, s->domain) : NULL, s->domain,
        s->uuid, NULL);
    if (sender) {
        put_int(facts, "acked", acked(s));
    }
    server_reply(c, id, facts);
    return true;
}

/* xl-remus: a session's third voice on the owner's side. */
static bool
hello_engine(struct conn *c, const struct json *id, const struct json *params)
{
    const char *uuid = param_string(params, "session", "");
    const char *name = param_string(params, "domain", "");
    const struct dts_view *view = db_view();
    struct session *s = session_find(uuid);

    if (!s && uuid[0] && name[0]) {
        s = session_create(uuid, name, true);   /* The agent was restarted. */
    }
    if (!s || !s->sender || strcmp(s->domain, name)) {
        server_reply_error(c, id, 3, "there is no session \"%s\" of domain "
                           "\"%s\" to another node", uuid, name);
        return false;
    }
    if (s->engine && s->engine != c) {
        s->engine->session = NULL;
    }
    s->engine = c;
    c->session = s;
    server_reply(c, id, session_facts(view ? dts_view_find_domain(view, name)
                                      : NULL, name, uuid, NULL));
    return true;
}

bool
session_hello(struct conn *c, const struct json *id,
              const struct json *params)
{
    return (c->role == CONN_ENGINE ? hello_engine(c, id, params)
            : c->role == CONN_LINK_SEND || c->role == CONN_LINK_RECV
            ? hello_link(c, id, params)
            : hello_gate(c, id, params));
}

static const char *
conn_name(const struct conn *c)
{
    return (c->role == CONN_LINK_RECV || c->role == CONN_LINK_SEND ? "link"
            : c->role == CONN_ENGINE ? "engine" : "gate");
}

static void
set_suspect(struct session *s, bool suspect, const char *reason)
{
    if (suspect != s->suspect) {
        VLOG_INFO("domain %s: session %s %s%s", s->domain, s->uuid,
                  suspect ? "suspects its peer: " : "hears its peer again",
                  suspect ? reason : "");
    }
    s->suspect = suspect;
    free(s->reason);
    s->reason = xstrdup(suspect ? reason : "");
    tell_acked(s);
}

static void
progress(struct session *s, const struct json *params)
{
    const char *what = param_string(params, "what", "");

    if (!strcmp(what, "suspend")) {
        s->suspends = MAX(s->suspends + 1, param_int(params, "n", 0));
        s->suspended = true;
        s->suspended_at = time_msec();
        s->stalled = false;
    } else if (!strcmp(what, "resume")) {
        s->suspended = false;
        s->stalled = false;
    }
}

static void
output(struct session *s, const struct json *params)
{
    const struct json *committed = shash_find_data(json_object(params),
                                                   "committed");
    const struct json *classes = shash_find_data(json_object(params),
                                                 "realtime");
    struct ds ds = DS_EMPTY_INITIALIZER;

    s->committed = committed && committed->type == JSON_TRUE;
    for (size_t i = 0; classes && classes->type == JSON_ARRAY
         && i < json_array(classes)->n; i++) {
        const struct json *class = json_array(classes)->elems[i];

        if (class->type == JSON_STRING) {
            ds_put_format(&ds, "%s%s", ds.length ? ", " : "",
                          json_string(class));
        }
    }
    free(s->realtime);
    s->realtime = ds_steal_cstr(&ds);
    free(s->slow);
    s->slow = xstrdup(param_string(params, "slow", ""));
}

void
session_message(struct conn *c, const struct json *id, const char *method,
                const struct json *params)
{
    struct session *s = c->session;
    bool link = c->role == CONN_LINK_SEND || c->role == CONN_LINK_RECV;

    if (id && (!strcmp(method, "grant?") || !strcmp(method, "alone?"))) {
        if ((method[0] == 'a') != s->sender) {
            server_reply_error(c, id, 1, "%s is not this side's question",
                               method);
            return;
        }
        if (!link && !s->end_hint) {
            s->end_hint = time_msec();
        }
        json_destroy(c->question);
        c->question = json_clone(id);
        VLOG_INFO("domain %s: session %s: the %s asks %s", s->domain,
                  s->uuid, conn_name(c), method);
    } else if (!strcmp(method, "checkpoint") && link) {
        uint64_t n = param_int(params, "n", 0);
        if (n > s->n) {
            s->n = n;
            s->n_at = time_msec();
            tell_acked(s);
        }
    } else if (!strcmp(method, "progress")) {
        progress(s, params);
    } else if (!strcmp(method, "beat")) {
        s->last_beat = time_msec();
        s->rtt_us = param_int(params, "rtt_us", 0);
        s->offset_us = param_int(params, "offset_us", 0);
        s->uncertainty_us = param_int(params, "uncertainty_us", 0);
    } else if (!strcmp(method, "suspect") && link) {
        set_suspect(s, true, param_string(params, "reason", "unknown"));
    } else if (!strcmp(method, "unsuspect") && link) {
        set_suspect(s, false, "");
    } else if (!strcmp(method, "stalled")) {
        VLOG_WARN("domain %s: session %s: the guest is suspended and the "
                  "stream does not move", s->domain, s->uuid);
        s->stalled = true;
    } else if (!strcmp(method, "output") && c->role == CONN_ENGINE) {
        output(s, params);
    } else if (!strcmp(method, "end") && link) {
        s->ended = true;
        if (!s->end_hint) {
            s->end_hint = time_msec();
        }
        s->end_status = param_int(params, "status", -1);
        VLOG_INFO("domain %s: session %s: ended with status %d: %s",
                  s->domain, s->uuid, s->end_status,
                  param_string(params, "detail", ""));
    } else if (id) {
        server_reply_error(c, id, 1, "unknown method \"%s\"", method);
    }
}

void
session_goodbye(struct conn *c)
{
    struct session *s = c->session;

    if (s) {
        if (s->link == c) {
            s->link = NULL;
            s->link_gone = time_msec();
            tell_acked(s);
        }
        if (s->gate == c) {
            s->gate = NULL;
            s->gate_gone = time_msec();
        }
        if (s->engine == c) {
            s->engine = NULL;
            s->committed = false;       /* Until it says so again. */
            s->slow[0] = '\0';
        }
        c->session = NULL;
    }
}

struct session *
session_next(const struct session *s)
{
    const struct ovs_list *node = s ? s->list_node.next : sessions.next;
    return (node == &sessions ? NULL
            : CONTAINER_OF(node, struct session, list_node));
}

bool
session_asks(const struct session *s)
{
    return ((s->link && s->link->question) || session_gate_asks(s)
            || (s->engine && s->engine->question));
}

bool
session_gate_asks(const struct session *s)
{
    return s->gate && s->gate->question;
}

static void
answer(struct conn *c, enum binding_verdict verdict, const char *reason)
{
    if (!c || !c->question || verdict == VERDICT_NOT_YET) {
        return;
    }
    if (verdict == VERDICT_COMMIT && c->role != CONN_LINK_RECV) {
        return;                 /* The gate waits for the fences. */
    }

    struct json *o = json_object_create();
    put_string(o, "verdict", binding_verdict_to_string(verdict));
    put_string(o, "reason", reason);
    server_reply(c, c->question, o);
    VLOG_INFO("domain %s: session %s: told the %s: %s (%s)",
              c->session->domain, c->session->uuid, conn_name(c),
              binding_verdict_to_string(verdict), reason);
    json_destroy(c->question);
    c->question = NULL;
}

void
session_answer(struct session *s, enum binding_verdict verdict,
               const char *reason)
{
    if (s->verdict != VERDICT_NOT_YET && s->verdict != VERDICT_COMMIT) {
        verdict = s->verdict;   /* Final. */
    } else {
        s->verdict = verdict;
    }
    answer(s->link, verdict, reason);
    answer(s->gate, verdict, reason);
    answer(s->engine, verdict, reason);
}

static void
notify_kill(struct conn *c, const struct session *s, const char *reason)
{
    if (c) {
        struct json *o = json_object_create();
        put_string(o, "session", s->uuid);
        put_string(o, "reason", reason);
        server_notify(c, "kill", o);
    }
}

void
session_end_link(struct session *s, const char *reason)
{
    if (s->link && !s->link_killed && !s->killed_at) {
        VLOG_INFO("domain %s: session %s: ending its link: %s", s->domain,
                  s->uuid, reason);
        s->link_killed = true;
        notify_kill(s->link, s, reason);
    }
}

void
session_kill(struct session *s, const char *reason)
{

    if (s->killed_at) {
        if (s->gate && time_msec() - s->killed_at > KILL_MS) {
            VLOG_WARN("domain %s: session %s: the gate (process %d) does not "
                      "end: killed", s->domain, s->uuid, (int) s->gate->pid);
            kill(s->gate->pid, SIGKILL);
            s->killed_at = time_msec();
        }
        return;
    }
    VLOG_INFO("domain %s: session %s: ending it: %s", s->domain, s->uuid,
              reason);
    s->killed_at = time_msec();
    notify_kill(s->gate, s, reason);
    notify_kill(s->link, s, reason);
}

void
session_expire(void)
{
    long long int now = time_msec();
    struct session *s;

    LIST_FOR_EACH_SAFE (s, list_node, &sessions) {
        long long int since = s->since;
        if (s->link || s->gate || s->engine) {
            continue;
        }
        if (s->link_gone != LLONG_MAX) {
            since = MAX(since, s->link_gone);
        }
        if (s->gate_gone != LLONG_MAX) {
            since = MAX(since, s->gate_gone);
        }
        if (now - since > EXPIRE_MS) {
            ovs_list_remove(&s->list_node);
            hmap_remove(&by_domain, &s->hmap_node);
            free(s->uuid);
            free(s->domain);
            free(s->reason);
            free(s->realtime);
            free(s->slow);
            free(s);
        }
    }
}

struct json *
session_json(const struct session *s)
{
    long long int now = time_msec();
    struct json *o = json_object_create();

    put_string(o, "session", s->uuid);
    put_string(o, "direction", s->sender ? "sender" : "receiver");
    put_int(o, "checkpoints", s->n);
    put_int(o, "checkpoint_age_ms", s->n ? now - s->n_at : -1);
    json_object_put(o, "link", json_boolean_create(s->link != NULL));
    json_object_put(o, "gate", json_boolean_create(s->gate != NULL));
    json_object_put(o, "engine", json_boolean_create(s->engine != NULL));
    json_object_put(o, "committed", json_boolean_create(s->committed));
    put_string(o, "realtime", s->realtime);
    put_string(o, "slow", s->slow);
    json_object_put(o, "suspect", json_boolean_create(s->suspect));
    json_object_put(o, "suspended", json_boolean_create(s->suspended));
    put_string(o, "verdict", binding_verdict_to_string(s->verdict));
    put_int(o, "rtt_us", s->rtt_us);
    put_int(o, "offset_us", s->offset_us);
    put_int(o, "uncertainty_us", s->uncertainty_us);
    return o;
}

/* All sessions, or those of 'domain'. */
void
session_format(const char *domain, struct ds *ds)
{
    const struct session *s;

    LIST_FOR_EACH (s, list_node, &sessions) {
        if (domain && strcmp(s->domain, domain)) {
            continue;
        }
        ds_put_format(ds, "session %s: %s of %s: %"PRIu64" checkpoints",
                      s->uuid, s->sender ? "sender" : "receiver", s->domain,
                      s->n);
        if (s->n) {
            ds_put_format(ds, ", the last %lld ms ago",
                          time_msec() - s->n_at);
        }
        ds_put_format(ds, ", link %s, gate %s%s%s%s%s%s%s%s\n",
                      s->link ? "up" : "away", s->gate ? "up" : "away",
                      s->engine ? ", engine up" : "",
                      s->committed ? ", output committed" : "",
                      s->suspended ? ", guest suspended" : "",
                      s->stalled ? ", stalled" : "",
                      s->suspect ? ", suspects its peer: " : "",
                      s->suspect ? s->reason : "",
                      s->ended ? ", ended" : "");
    }
}
