/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_AGENT_CLIENT_H
#define DTS_AGENT_CLIENT_H 1

/* The client's side of the agent's socket (docs/protocol.md): JSON-RPC on a
 * unix stream.  Made for small programs (the vif program, the save-helper
 * shim): uses OVS's JSON only, no stream, no TLS, no threads.
 *
 * All calls may be given a NULL client.  Not thread safe. */

#include <stdbool.h>
#include "openvswitch/json.h"

#define DTS_AGENT_VERSION 1

struct agent_client;

/* A message from the agent. */
struct agent_msg {
    int64_t id;             /* Of the request it answers; -1: a notice. */
    char *method;           /* Of a notice, else NULL. */
    struct json *result;    /* Of an answer without error (or a notice's
                             * params[0]), else NULL. */
    char *error;            /* Of an answer with an error, else NULL. */
    int code;               /* The error's exit code; 0 without an error. */
};
void agent_msg_destroy(struct agent_msg *);

/* Connects to 'path' (NULL: $DTS_AGENT_SOCKET, else agent.sock in the run
 * directory) without waiting more than 'timeout_ms'.
 * Returns 0 and the client, or an errno. */
int agent_client_open(const char *path, int timeout_ms,
                      struct agent_client **);
void agent_client_close(struct agent_client *);
/* For poll(2): wait for agent_client_events() (POLLIN, and POLLOUT while
 * something could not be sent yet), then agent_client_recv(). */
int agent_client_fd(const struct agent_client *);
short int agent_client_events(const struct agent_client *);

/* Sends a request whose params are [params] (taken over); returns its id > 0,
 * or a negative errno. */
int64_t agent_client_request(struct agent_client *, const char *method,
                             struct json *params);
/* Sends a notice (no answer): 0 or an errno. */
int agent_client_notify(struct agent_client *, const char *method,
                        struct json *params);
/* Next message if one is whole: 0 and '*msg' (to be destroyed), EAGAIN, EOF
 * when the agent went away, or another errno. */
int agent_client_recv(struct agent_client *, struct agent_msg **msg);
/* agent_client_request() and waiting for its answer, at most 'timeout_ms'
 * (notices that come meanwhile are dropped).  0, ETIMEDOUT, or an errno. */
int agent_client_call(struct agent_client *, const char *method,
                      struct json *params, int timeout_ms,
                      struct agent_msg **answer);

/* The agent's `status` of 'domain', by a connection of its own, which is not
 * waited for longer than 'open_ms', nor the answer longer than 'timeout_ms'.
 * 0 and '*answer' (to be destroyed; an error of the agent's is one), or as
 * agent_client_call() and agent_client_open(). */
int agent_client_status(const char *domain, int open_ms, int timeout_ms,
                        struct agent_msg **answer);

#endif /* agent-client.h */
