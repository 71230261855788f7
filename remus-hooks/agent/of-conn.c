/* SPDX-License-Identifier: Apache-2.0 */

/* An OpenFlow connection that writes once a round.
 *
 * OVS's own vconn over a stream writes each message by itself.  A bundle is
 * five messages and more, and the first one wakes ovs-vswitchd, which goes
 * round its whole main loop for it, and often once more for the next; each of
 * its answers wakes us.  Between a binding's move and the switch that was most
 * of the time.  So here is a vconn, for rconn to use as any other, that gathers
 * what is sent until vconn_run() and then writes it with one system call; and
 * it reads all that there is with one, instead of two a message. */

#include <config.h>

#include "of-conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "stream.h"
#include "socket-util.h"
#include "util.h"
#include "vconn-provider.h"

VLOG_DEFINE_THIS_MODULE(of_conn);

#define READ_SIZE (64 * 1024)

struct of_conn {
    struct vconn vconn;
    struct stream *stream;
    struct ofpbuf in;           /* Read, not given to anyone yet. */
    struct ofpbuf out;          /* To be written. */
    int error;                  /* Of a write: told by the next read. */
};

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(10, 25);
static const struct vconn_class of_conn_class;

static struct of_conn *
of_conn_cast(struct vconn *vconn)
{
    vconn_assert_class(vconn, &of_conn_class);
    return CONTAINER_OF(vconn, struct of_conn, vconn);
}

int
of_conn_open(const char *name, uint32_t allowed_versions,
             struct vconn **vconnp)
{
    struct stream *stream;
    int error = stream_open(name, &stream, DSCP_DEFAULT);

    *vconnp = NULL;
    if (error) {
        return error;
    }
    error = stream_connect(stream);
    if (error && error != EAGAIN) {
        stream_close(stream);
        return error;
    }

    struct of_conn *c = xzalloc(sizeof *c);
    vconn_init(&c->vconn, &of_conn_class, error, name, allowed_versions);
    c->stream = stream;
    ofpbuf_init(&c->in, READ_SIZE);
    ofpbuf_init(&c->out, 4096);
    *vconnp = &c->vconn;
    return 0;
}

static void
of_conn_close(struct vconn *vconn)
{
    struct of_conn *c = of_conn_cast(vconn);

    stream_close(c->stream);
    ofpbuf_uninit(&c->in);
    ofpbuf_uninit(&c->out);
    free(c);
}

static int
of_conn_connect(struct vconn *vconn)
{
    return stream_connect(of_conn_cast(vconn)->stream);
}

/* Returns the length of the message at the head of 'in' if it is there in
 * whole, 0 if it is not, negative if it is no OpenFlow. */
static int
next_length(const struct of_conn *c)
{
    struct ofp_header oh;
    size_t length;

    if (c->in.size < sizeof oh) {
        return 0;
    }
    memcpy(&oh, c->in.data, sizeof oh); /* It may lie at any address. */
    length = ntohs(oh.length);
    return (length < sizeof oh ? -1
            : length <= c->in.size ? length
            : 0);
}

static int
of_conn_recv(struct vconn *vconn, struct ofpbuf **msgp)
{
    struct of_conn *c = of_conn_cast(vconn);
    int length = next_length(c);

    *msgp = NULL;
    if (!length) {
        ssize_t n;

        if (c->error) {
            return c->error;
        }
        if (c->in.size) {
            memmove(c->in.base, c->in.data, c->in.size);
        }
        c->in.data = c->in.base;
        ofpbuf_prealloc_tailroom(&c->in, READ_SIZE);
        n = stream_recv(c->stream, ofpbuf_tail(&c->in), READ_SIZE);
        if (n < 0) {
            return -n;
        }
        if (!n) {
            return c->in.size ? EPROTO : EOF;
        }
        c->in.size += n;
        length = next_length(c);
        if (!length) {
            return EAGAIN;
        }
    }
    if (length < 0) {
        VLOG_ERR_RL(&rl, "%s: not an OpenFlow message", vconn_get_name(vconn));
        return EPROTO;
    }
    *msgp = ofpbuf_clone_data(c->in.data, length);
    ofpbuf_pull(&c->in, length);
    return 0;
}

/* Takes every message, so that rconn's own queue, which outlives a connection,
 * stays empty: what was sent on a connection that broke is never sent on the
 * next one. */
static int
of_conn_send(struct vconn *vconn, struct ofpbuf *msg)
{
    struct of_conn *c = of_conn_cast(vconn);

    if (!c->error) {
        ofpbuf_put(&c->out, msg->data, msg->size);
    }
    ofpbuf_delete(msg);
    return 0;
}

static void
of_conn_run(struct vconn *vconn)
{
    struct of_conn *c = of_conn_cast(vconn);

    stream_run(c->stream);
    while (c->out.size && !c->error) {
        int n = stream_send(c->stream, c->out.data, c->out.size);

        if (n < 0) {
            if (n != -EAGAIN) {
                c->error = -n;
            }
            return;
        }
        ofpbuf_pull(&c->out, n);
    }
    ofpbuf_clear(&c->out);      /* All of it is written. */
}

static void
of_conn_run_wait(struct vconn *vconn)
{
    struct of_conn *c = of_conn_cast(vconn);

    stream_run_wait(c->stream);
    if (c->error) {
        poll_immediate_wake();
    } else if (c->out.size) {
        stream_send_wait(c->stream);
    }
}

static void
of_conn_wait(struct vconn *vconn, enum vconn_wait_type type)
{
    struct of_conn *c = of_conn_cast(vconn);

    switch (type) {
    case WAIT_CONNECT:
        stream_connect_wait(c->stream);
        break;
    case WAIT_SEND:
        poll_immediate_wake();  /* There is always room. */
        break;
    case WAIT_RECV:
        if (next_length(c) || c->error) {
            poll_immediate_wake();
        } else {
            stream_recv_wait(c->stream);
        }
        break;
    default:
        OVS_NOT_REACHED();
    }
}

static const struct vconn_class of_conn_class = {
    .name = "gathered",
    .close = of_conn_close,
    .connect = of_conn_connect,
    .recv = of_conn_recv,
    .send = of_conn_send,
    .run = of_conn_run,
    .run_wait = of_conn_run_wait,
    .wait = of_conn_wait,
};
