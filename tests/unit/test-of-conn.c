/* SPDX-License-Identifier: Apache-2.0 */

/* The OpenFlow connection that writes once a round, against a switch that is
 * played here byte by byte. */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "fatal-signal.h"
#include "of-conn.h"
#include "openflow/openflow.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vconn.h"
#include "openvswitch/vlog.h"
#include "socket-util.h"
#include "util.h"

static char *dir;
static char *name;              /* "unix:FILE" */
static int listener;

/* A connection that is through with its hellos, and the switch's end of it. */
struct bed {
    struct vconn *vconn;
    int peer;
};

static void
peer_write(const struct bed *bed, const void *data, size_t n)
{
    assert_int_equal(write(bed->peer, data, n), n);
}

static struct ofpbuf *
echo_of(uint32_t number)
{
    struct ofpbuf *b = ofpraw_alloc_xid(OFPRAW_OFPT_ECHO_REQUEST,
                                        OFP15_VERSION, htonl(number), 0);
    ofpbuf_put(b, &number, sizeof number);
    ofpmsg_update_length(b);
    return b;
}

static void
open_bed(struct bed *bed)
{
    struct ofp_header hello = { OFP15_VERSION, 0, htons(8), htonl(1) };
    char seen[256];
    int error = EAGAIN;

    assert_int_equal(of_conn_open(name, 1u << OFP15_VERSION, &bed->vconn), 0);
    bed->peer = accept(listener, NULL, NULL);
    assert_true(bed->peer >= 0);
    peer_write(bed, &hello, sizeof hello);
    for (int i = 0; error == EAGAIN && i < 10; i++) {
        vconn_run(bed->vconn);
        error = vconn_connect(bed->vconn);
    }
    assert_int_equal(error, 0);
    vconn_run(bed->vconn);
    assert_int_equal(vconn_get_version(bed->vconn), OFP15_VERSION);
    assert_in_range(read(bed->peer, seen, sizeof seen), 8, sizeof seen - 1);
    xset_nonblocking(bed->peer);
}

static void
close_bed(struct bed *bed)
{
    vconn_close(bed->vconn);
    close(bed->peer);
}

static void
send_echo(const struct bed *bed, uint32_t number)
{
    assert_int_equal(vconn_send(bed->vconn, echo_of(number)), 0);
}

/* The next message is the echo 'number'. */
static void
expect_echo(const struct bed *bed, uint32_t number)
{
    struct ofpbuf *msg;
    const struct ofp_header *oh;

    assert_int_equal(vconn_recv(bed->vconn, &msg), 0);
    oh = msg->data;
    assert_int_equal(msg->size, 12);
    assert_int_equal(ntohl(oh->xid), number);
    assert_memory_equal(oh + 1, &number, sizeof number);
    ofpbuf_delete(msg);
}

static void
expect_error(const struct bed *bed, int error)
{
    struct ofpbuf *msg;

    assert_int_equal(vconn_recv(bed->vconn, &msg), error);
}

/* A bundle leaves in one piece, when the round ends, and in its order. */
static void
test_gathers(void **state OVS_UNUSED)
{
    struct bed bed;
    char seen[256];

    open_bed(&bed);
    for (uint32_t i = 1; i <= 5; i++) {
        send_echo(&bed, i);
    }
    assert_int_equal(read(bed.peer, seen, sizeof seen), -1);
    assert_int_equal(errno, EAGAIN);
    vconn_run(bed.vconn);
    assert_int_equal(read(bed.peer, seen, sizeof seen), 5 * 12);
    for (uint32_t i = 1; i <= 5; i++) {
        struct ofpbuf *b = echo_of(i);
        assert_memory_equal(seen + (i - 1) * 12, b->data, 12);
        ofpbuf_delete(b);
    }
    /* It is written once. */
    vconn_run(bed.vconn);
    assert_int_equal(read(bed.peer, seen, sizeof seen), -1);
    close_bed(&bed);
}

/* Wherever the switch's bytes are cut, the messages are the same. */
static void
test_splits(void **state OVS_UNUSED)
{
    struct ofpbuf all;
    struct bed bed;

    ofpbuf_init(&all, 0);
    for (uint32_t i = 1; i <= 3; i++) {
        struct ofpbuf *b = echo_of(i);
        ofpbuf_put(&all, b->data, b->size);
        ofpbuf_delete(b);
    }
    open_bed(&bed);
    for (size_t cut = 0; cut <= all.size; cut++) {
        uint32_t i = 1;

        peer_write(&bed, all.data, cut);
        for (; i * 12 <= cut; i++) {
            expect_echo(&bed, i);
        }
        expect_error(&bed, EAGAIN);
        peer_write(&bed, (char *) all.data + cut, all.size - cut);
        for (; i <= 3; i++) {
            expect_echo(&bed, i);
        }
        expect_error(&bed, EAGAIN);
    }
    close_bed(&bed);
    ofpbuf_uninit(&all);
}

/* The largest message, behind a small one: the buffer makes room. */
static void
test_largest(void **state OVS_UNUSED)
{
    struct ofp_header head = {
        OFP15_VERSION, 2, htons(65535), htonl(7)
    };
    char *big = xzalloc(65535);
    struct ofpbuf *small = echo_of(6), *msg = NULL;
    struct bed bed;
    int error = EAGAIN;

    memcpy(big, &head, sizeof head);
    big[65534] = 'x';
    open_bed(&bed);
    assert_int_equal(fcntl(bed.peer, F_SETFL, 0), 0);
    int size = 1 << 20;
    setsockopt(bed.peer, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    peer_write(&bed, small->data, 12);
    peer_write(&bed, big, 65535);
    peer_write(&bed, small->data, 12);
    expect_echo(&bed, 6);
    for (int i = 0; error == EAGAIN && i < 10; i++) {
        error = vconn_recv(bed.vconn, &msg);
    }
    assert_int_equal(error, 0);
    assert_int_equal(msg->size, 65535);
    assert_memory_equal(msg->data, big, 65535);
    ofpbuf_delete(msg);
    expect_echo(&bed, 6);
    ofpbuf_delete(small);
    free(big);
    close_bed(&bed);
}

static void
test_not_openflow(void **state OVS_UNUSED)
{
    struct ofp_header bad = { OFP15_VERSION, 2, htons(7), 0 };
    struct bed bed;

    open_bed(&bed);
    peer_write(&bed, &bad, sizeof bad);
    expect_error(&bed, EPROTO);
    close_bed(&bed);
}

static void
test_ends(void **state OVS_UNUSED)
{
    struct ofpbuf *b = echo_of(1);
    struct bed bed;

    open_bed(&bed);             /* Between two messages: an end. */
    peer_write(&bed, b->data, 12);
    close(bed.peer);
    expect_echo(&bed, 1);
    expect_error(&bed, EOF);
    vconn_close(bed.vconn);

    open_bed(&bed);             /* In the middle of one: not whole. */
    peer_write(&bed, b->data, 11);
    close(bed.peer);
    expect_error(&bed, EAGAIN);
    expect_error(&bed, EPROTO);
    vconn_close(bed.vconn);
    ofpbuf_delete(b);
}

/* A switch that does not read for a while gets everything, in order. */
static void
test_slow_reader(void **state OVS_UNUSED)
{
    enum { N = 60000 };
    struct bed bed;
    char seen[4096];
    size_t got = 0;

    open_bed(&bed);
    for (uint32_t i = 1; i <= N; i++) {
        send_echo(&bed, i);
        if (i % 1000 == 0) {
            vconn_run(bed.vconn);
        }
    }
    for (int idle = 0; got < N * 12 && idle < 3; ) {
        ssize_t n = read(bed.peer, seen, sizeof seen / 12 * 12);

        if (n <= 0) {
            vconn_run(bed.vconn);
            idle++;
            continue;
        }
        idle = 0;
        for (ssize_t j = 0; j < n; j++, got++) {
            if (got % 12 == 7) {        /* Of the xid. */
                assert_int_equal((uint8_t) seen[j],
                                 (got / 12 + 1) & 0xff);
            }
        }
    }
    assert_int_equal(got, N * 12);
    close_bed(&bed);
}

/* What cannot be written is told by the next read, once what came is read. */
static void
test_write_error(void **state OVS_UNUSED)
{
    struct bed bed;
    struct ofpbuf *msg;
    int error;

    open_bed(&bed);
    close(bed.peer);
    send_echo(&bed, 1);
    vconn_run(bed.vconn);
    error = vconn_recv(bed.vconn, &msg);
    assert_true(error == EPIPE || error == ECONNRESET);
    send_echo(&bed, 2);         /* Taken, and forgotten. */
    vconn_close(bed.vconn);
}

static void
test_nobody_there(void **state OVS_UNUSED)
{
    struct vconn *vconn = NULL;

    assert_int_equal(of_conn_open("unix:/nonexistent/br-dts.mgmt",
                                  1u << OFP15_VERSION, &vconn), ENOENT);
    assert_null(vconn);
}

int
main(int argc OVS_UNUSED, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gathers),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_not_openflow),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_write_error),
        cmocka_unit_test(test_nobody_there),
    };
    char template[] = "/tmp/test-of-conn.XXXXXX";

    ovs_set_program_name(argv[0], "test");
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    fatal_ignore_sigpipe();
    dir = mkdtemp(template);
    if (!dir) {
        ovs_fatal(errno, "%s", template);
    }
    name = xasprintf("unix:%s/sock", dir);
    listener = make_unix_socket(SOCK_STREAM, false, name + 5, NULL);
    if (listener < 0 || listen(listener, 4)) {
        ovs_fatal(errno, "%s", name);
    }

    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    unlink(name + 5);
    rmdir(dir);
    free(name);
    return failed;
}
