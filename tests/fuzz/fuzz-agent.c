/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "fake.h"
#include "guests.h"
#include "jsonrpc.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "server.h"
#include "session.h"
#include "status.h"
#include "switch.h"
#include "takeover.h"
#include "util.h"

/* Fuzz-sources: tests/fuzz/fake.c remus-hooks/agent/requests.c
 * Fuzz-sources: remus-hooks/agent/session.c remus-hooks/agent/session-facts.c
 * Fuzz-sources: remus-hooks/agent/vif.c remus-hooks/lib/binding.c
 * Fuzz-sources: remus-hooks/lib/view.c remus-hooks/lib/view-receipts.c
 * Fuzz-sources: remus-hooks/lib/dts-idl.c
 * Fuzz-includes: remus-hooks/agent tests/fuzz
 * Fuzz-wrap: clock_gettime poll socket connect send recv kill
 *
 * What processes say on the agent's socket.  The first character says what the
 * agent knows (no database, or a view of node A or B), then there are lines:
 *
 *     N JSON          connection N, a digit, says this; it is made if need be
 *     N               connection N breaks
 *     =VERDICT        all who ask are told so (a digit)
 *     +MS             so much time passes
 *
 * Nobody is heard before `hello`, nobody has two sessions' voices, and when
 * all have gone and a minute has passed, no session is left. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
int __wrap_kill(pid_t, int sig);

#define N_CONNS 6

static struct conn *conns[N_CONNS];
static struct dts_view *view;

/* Who has an even number is dead. */
int
__wrap_kill(pid_t pid, int sig)
{
    ovs_assert(!sig);
    errno = ESRCH;
    return pid & 1 ? 0 : -1;
}

/* The agent's other parts. */

const struct dts_view *
db_view(void)
{
    return view;
}

const char *
db_remote(void)
{
    return "ssl:192.0.2.1:6640";
}

const struct guest *
guests_find(const char *name, enum guest_kind kind)
{
    static const struct guest voip = { .name = CONST_CAST(char *, "voip") };

    return kind == GUEST_OWN && !strcmp(name, "voip") ? &voip : NULL;
}

const struct guest *
guests_find_domid(int domid)
{
    return domid == 5 ? guests_find("voip", GUEST_OWN) : NULL;
}

struct json *
status_hello(void)
{
    return json_object_create();
}

struct json *
status_json(const char *domain)
{
    const struct session *s = session_of(domain ? domain : "", true, NULL);

    return s ? session_json(s) : json_object_create();
}

void
takeover_devices(const char *domain)
{
    ovs_assert(dts_view_find_domain(view, domain));
}

void
switch_vif_plug(const struct switch_vif *v,
                void (*done)(const char *error, void *aux), void *aux)
{
    ovs_assert(v->name[0]);
    done(v->mtu & 1 ? "no" : NULL, aux);
}

void
switch_vif_unplug(const char *name,
                  void (*done)(const char *error, void *aux), void *aux)
{
    ovs_assert(name[0]);
    done(NULL, aux);
}

/* The socket. */

static void
say(struct jsonrpc_msg *msg)
{
    struct json *json = jsonrpc_msg_to_json(msg);

    free(json_to_string(json, 0));
    json_destroy(json);
}

void
server_reply(struct conn *c OVS_UNUSED, const struct json *id,
             struct json *result)
{
    say(jsonrpc_create_reply(result, id));
}

void
server_reply_error(struct conn *c OVS_UNUSED, const struct json *id,
                   int code, const char *format, ...)
{
    va_list args;
    char *s;

    ovs_assert(code > 0 && code < 7);
    va_start(args, format);
    s = xvasprintf(format, args);
    va_end(args);
    say(jsonrpc_create_error(json_string_create_nocopy(s), id));
}

void
server_notify(struct conn *c OVS_UNUSED, const char *method,
              struct json *params)
{
    say(jsonrpc_create_notify(method, json_array_create_1(params)));
}

struct conn *
server_find(uint64_t id)
{
    return id < N_CONNS ? conns[id] : NULL;
}

static void
hang_up(unsigned int i)
{
    struct conn *c = conns[i];

    if (c) {
        session_goodbye(c);
        json_destroy(c->question);
        free(c);
        conns[i] = NULL;
    }
}

static void
take_message(unsigned int i, const char *text)
{
    struct json *json = json_from_string(text);
    struct jsonrpc_msg *msg;
    char *error = jsonrpc_msg_from_json(json, &msg);

    if (!conns[i]) {
        conns[i] = xzalloc(sizeof *conns[i]);
        conns[i]->id = i;
        conns[i]->pid = 100 + i / 2;    /* Two of a process. */
    }
    if (error) {
        free(error);
        hang_up(i);
    } else {
        if (!server_handle(conns[i], msg)) {
            hang_up(i);
        }
        jsonrpc_msg_destroy(msg);
    }
}

static void
check(void)
{
    for (unsigned int i = 0; i < N_CONNS; i++) {
        const struct conn *c = conns[i];
        const struct session *s = c ? c->session : NULL;

        ovs_assert(!c || c->role != CONN_NEW || !s);
        ovs_assert(!s || (s->link == c) + (s->gate == c) + (s->engine == c)
                         == 1);
        ovs_assert(!s || s == session_find(s->uuid));
    }
}

static void
take_line(const struct fake_line *line)
{
    const char *text = line->text;
    struct session *s;
    int n;

    if (text[0] >= '0' && text[0] < '0' + N_CONNS && text[1] == ' ') {
        take_message(text[0] - '0', text + 2);
    } else if (text[0] >= '0' && text[0] < '0' + N_CONNS && !text[1]) {
        hang_up(text[0] - '0');
    } else if (text[0] == '=') {
        for (s = session_next(NULL); s; s = session_next(s)) {
            session_answer(s, (unsigned char) text[1] % (VERDICT_DENIED + 1),
                           "fuzz");
            session_end_link(s, "fuzz");
        }
    } else if (text[0] == '+' && str_to_int(text + 1, 10, &n) && n > 0) {
        fake_wait(MIN(n, 100000));
        session_expire();
    }
    check();
}

static void
make_view(const char *self)
{
    static const char *const states[] = { "alone", "protected", "stopped" };

    view = dts_view_create_empty(self);
    dts_view_add_node(view, "A", 1, DTS_ROLE_SERVER, "10.0.0.1");
    dts_view_add_node(view, "B", 2, DTS_ROLE_SERVER, "10.0.0.2");
    for (int i = 0; i < 3; i++) {
        struct dts_domain *d = dts_view_add_domain(
            view, i ? i > 1 ? "web" : "mail" : "voip",
            dts_view_add_network(view, "net", 10 + i));

        free(d->owner);
        free(d->standby);
        d->owner = xstrdup("A");
        d->standby = xstrdup("B");
        d->has_binding = true;
        d->generation = 7;
        dts_state_from_string(states[i], &d->state);
        d->addresses = xzalloc(sizeof *d->addresses);
        d->n_addresses = 1;
        free(dts_address_parse("00:16:3e:00:00:01", &d->addresses[0]));
    }
    dts_view_resolve(view);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct fake_line line;

    if (!n) {
        return 0;
    }
    fake_init();
    view = NULL;
    if (data[0] != '-') {
        make_view(data[0] == 'B' ? "B" : "A");
    }
    while (fake_next_line(&data, &n, &line)) {
        take_line(&line);
        free(line.text);
    }
    session_format(NULL, &ds);
    ds_destroy(&ds);
    for (unsigned int i = 0; i < N_CONNS; i++) {
        hang_up(i);
    }
    fake_wait(100000);
    session_expire();
    ovs_assert(!session_next(NULL));
    dts_view_destroy(view);
    return 0;
}
