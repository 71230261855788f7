/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_SERVER_H
#define DTS_SERVER_H 1

/* The agent's socket (docs/protocol.md, section 1). */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "binding.h"
#include "openvswitch/list.h"

struct json;
struct jsonrpc;
struct jsonrpc_msg;
struct session;
struct ds;

enum conn_role {
    CONN_NEW, CONN_LINK_SEND, CONN_LINK_RECV, CONN_GATE_SAVE,
    CONN_GATE_RESTORE, CONN_ENGINE, CONN_VIF, CONN_CTL, CONN_CHECK,
};

struct conn {
    struct ovs_list list_node;
    struct jsonrpc *rpc;
    uint64_t id;                /* Never used again. */
    enum conn_role role;
    pid_t pid;                  /* Of the peer, as the kernel tells. */
    struct session *session;    /* NULL: none. */
    unsigned int received;      /* Bytes when the last message was whole. */

    /* `grant?` or `alone?` that waits for its answer. */
    struct json *question;      /* Its id; NULL: none. */
};

int server_init(const char *path);
void server_run(void);
void server_wait(void);
void server_destroy(void);

void server_reply(struct conn *, const struct json *id, struct json *result);
void server_reply_error(struct conn *, const struct json *id, int code,
                        const char *format, ...)
    OVS_PRINTF_FORMAT(4, 5);
void server_notify(struct conn *, const char *method, struct json *params);
struct conn *server_find(uint64_t id);

/* requests.c: does what 'msg' asks for.  Returns false to close the
 * connection. */
bool server_handle(struct conn *, const struct jsonrpc_msg *);

/* Members of a params object; 'def' if absent or of another type. */
const char *param_string(const struct json *, const char *name,
                         const char *def);
int64_t param_int(const struct json *, const char *name, int64_t def);

#endif /* server.h */
