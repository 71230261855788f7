/* SPDX-License-Identifier: Apache-2.0 */
/* Speaking to the process that protects a domain: the other end of
 * engine-control.c. */

#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "jsonrpc.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "remus-private.h"
#include "rundir.h"
#include "stream.h"
#include "timeval.h"
#include "util.h"

static char *
text_of(const struct json *json)
{
    return (json && json->type == JSON_STRING ? xstrdup(json_string(json))
            : xstrdup(""));
}

/* Waits for the answer; 0, an errno, or ETIMEDOUT. */
static int
transact(struct jsonrpc *rpc, struct jsonrpc_msg *request,
         long long int deadline, struct jsonrpc_msg **reply)
{
    int error = jsonrpc_send(rpc, request);

    while (!error) {
        jsonrpc_run(rpc);
        error = jsonrpc_recv(rpc, reply);
        if (!error) {
            if ((*reply)->type == JSONRPC_REPLY
                || (*reply)->type == JSONRPC_ERROR) {
                return 0;
            }
            jsonrpc_msg_destroy(*reply);
            continue;
        } else if (error != EAGAIN) {
            break;
        } else if (time_msec() >= deadline) {
            return ETIMEDOUT;
        }
        error = 0;
        jsonrpc_wait(rpc);
        jsonrpc_recv_wait(rpc);
        poll_timer_wait_until(deadline);
        poll_block();
    }
    return error;
}

int
remus_dts_control(const char *domain, const char *command,
                  const char *const *args, int timeout_ms, char **reply,
                  char **error)
{
    char *name = (domain[0] == '/' ? xasprintf("unix:%s", domain)
                  : xasprintf("unix:%s/xl-remus.%s.ctl", dts_rundir(),
                              domain));
    char *method = xasprintf("remus/%s", command);
    struct json *params = json_array_create_empty();
    struct jsonrpc_msg *msg = NULL;
    struct stream *stream;
    struct jsonrpc *rpc;
    int err, status;

    *reply = NULL;
    if (error) {
        *error = NULL;
    }
    for (size_t i = 0; args && args[i]; i++) {
        json_array_add(params, json_string_create(args[i]));
    }
    err = stream_open(name, &stream, 0);
    if (!err) {
        err = stream_connect(stream);
        if (err) {
            stream_close(stream);
        }
    }
    if (err) {
        json_destroy(params);
        status = remus_error(error, DTS_EXIT_NOT_FOUND, "%s is not protected "
                             "from this host (no process at %s)", domain,
                             name + strlen("unix:"));
        goto out;
    }
    rpc = jsonrpc_open(stream);
    err = transact(rpc, jsonrpc_create_request(method, params, NULL),
                   time_msec() + timeout_ms, &msg);
    if (err == ETIMEDOUT) {
        status = remus_error(error, DTS_EXIT_TIMEOUT, "no answer for %d ms",
                             timeout_ms);
    } else if (err) {
        status = remus_error(error, DTS_EXIT_PARTLY, "the process that "
                             "protects %s has ended", domain);
    } else if (msg->type == JSONRPC_ERROR) {
        status = remus_error(error, DTS_EXIT_REFUSED, "%s",
                             msg->error && msg->error->type == JSON_STRING
                             ? json_string(msg->error) : "refused");
    } else {
        *reply = text_of(msg->result);
        status = DTS_EXIT_OK;
    }
    jsonrpc_msg_destroy(msg);
    jsonrpc_close(rpc);
out:
    free(name);
    free(method);
    return status;
}
