/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CONNECT_H
#define DTS_CONNECT_H 1

/* How the end that begins comes to the other one: to carry a domain
 * (send.c), or to ask what it would take (check.c). */

struct agent_session;
struct json;
struct link_options;
struct peer;
struct stream;

/* Where to connect to, "ssl:ADDRESS:PORT", if 'host' is an address; else
 * NULL.  To be freed. */
char *link_target(const struct link_options *, const char *host, int port);

/* Each waits, for options' 'timeout' at most, while the conversation with the
 * agent goes on.  Returns 0, or an exit status and in '*error' why (to be
 * freed). */

/* Connects to 'name', TLS included.  It must be the node that the agent
 * expects: its certificate says so. */
int link_connect(const struct link_options *, struct agent_session *,
                 const char *name, struct stream **, char **error);
/* Waits for the answer to HELLO, '*welcome' (to be destroyed). */
int link_wait_welcome(const struct link_options *, struct agent_session *,
                      struct peer *, struct json **welcome, char **error);

#endif /* connect.h */
