/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_AGENT_SESSION_H
#define DTS_AGENT_SESSION_H 1

/* A lasting conversation of a link or a gate with its node's agent.
 *
 * Connects, says `hello`, and does so again for ever, a second after each
 * failure.  What matters is said again on each new connection: the notices
 * that are "kept", and the question that has no answer yet.  Never waits;
 * never answers a question itself. */

#include <stdbool.h>
#include <stdint.h>

struct json;
struct agent_session;

/* 'path': as in agent_client_open(). */
struct agent_session *agent_session_create(const char *path);
void agent_session_destroy(struct agent_session *);

/* The params of `hello`, taken over; used from the next connection on. */
void agent_session_set_hello(struct agent_session *, struct json *params);

/* Does what can be done now.  Returns true if something may have changed. */
bool agent_session_run(struct agent_session *);
/* For poll(2): -1 if there is nothing to poll for. */
int agent_session_fd(const struct agent_session *);
short int agent_session_events(const struct agent_session *);
/* When agent_session_run() wants to be called at the latest: milliseconds on
 * the monotonic clock, LLONG_MAX: never. */
long long int agent_session_deadline(const struct agent_session *);

/* The answer to the last `hello`, NULL until there was one. */
const struct json *agent_session_facts(const struct agent_session *);
const char *agent_session_fact(const struct agent_session *,
                               const char *name);       /* "": none. */
long long int agent_session_fact_int(const struct agent_session *,
                                     const char *name, long long int dflt);
/* Whether `hello` was answered on the connection there is now. */
bool agent_session_connected(const struct agent_session *);
/* Connects anew at once. */
void agent_session_reconnect(struct agent_session *);
/* Why there is no connection: a message, and the exit code that the agent told
 * (0: it could not be reached).  NULL: nothing failed yet. */
const char *agent_session_error(const struct agent_session *, int *code);

/* Sends a notice, if there is a connection.  'params' is taken over. */
void agent_session_notify(struct agent_session *, const char *method,
                          struct json *params);
/* Keeps a notice: sent now and on each new connection, until another one takes
 * its place or, with NULL, none. */
void agent_session_keep(struct agent_session *, const char *method,
                        struct json *params);
/* Asks, and again until there is an answer. */
void agent_session_ask(struct agent_session *, const char *method,
                       struct json *params);
bool agent_session_is_asking(const struct agent_session *);
/* The verdict that came, NULL: none yet.  '*reason' is never NULL then. */
const char *agent_session_verdict(const struct agent_session *,
                                  const char **reason);
/* Forgets a verdict that is not the last word (`commit`). */
void agent_session_forget(struct agent_session *);
/* NULL, or why the agent said `kill`. */
const char *agent_session_killed(const struct agent_session *);
/* The newest checkpoint of the session that the standby has, from 1; negative:
 * not known, or nothing is to wait for it. */
int64_t agent_session_acked(const struct agent_session *);

#endif /* agent-session.h */
