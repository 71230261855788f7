/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake.h"
#include "hooks.h"
#include "link-event.h"
#include "netbuf-program.h"
#include "openvswitch/dynamic-string.h"
#include "smap.h"
#include "util.h"

/* Fuzz-sources: tests/fuzz/fake.c remus-hooks/agent/hooks.c
 * Fuzz-sources: libxl-ext/link-event.c libxl-ext/netbuf-program.c
 * Fuzz-includes: remus-hooks/agent libxl-ext tests/fuzz
 * Fuzz-wrap: clock_gettime poll socket connect send recv read posix_spawn
 * Fuzz-wrap: pipe2 waitpid kill
 * Fuzz-max-len: 20480
 *
 * What programs that we run say: dts-link's events, a hook, and the program
 * that moves a buffer's port.  The first byte says which, the second how it
 * ends, the third in what pieces the rest comes.
 *
 * The pieces make no difference to the events, and no line that is too long is
 * one; a hook and the program are over when they have ended, or their time
 * is. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
ssize_t __wrap_read(int fd, void *, size_t);
int __wrap_posix_spawn(pid_t *, const char *path,
                       const posix_spawn_file_actions_t *,
                       const posix_spawnattr_t *, char *const argv[],
                       char *const envp[]);
int __wrap_pipe2(int fds[2], int flags);
pid_t __wrap_waitpid(pid_t, int *status, int options);
int __wrap_kill(pid_t, int sig);

static int exit_status;
static int n_looks;             /* At a child until it has ended... */
static bool killed;             /* ...or was killed. */

ssize_t
__wrap_read(int fd, void *data, size_t n)
{
    return recv(fd, data, n, 0);
}

int
__wrap_posix_spawn(pid_t *pid, const char *path OVS_UNUSED,
                   const posix_spawn_file_actions_t *actions OVS_UNUSED,
                   const posix_spawnattr_t *attr OVS_UNUSED,
                   char *const argv[] OVS_UNUSED, char *const envp[] OVS_UNUSED)
{
    *pid = 1;
    killed = false;
    return exit_status == 127 ? ENOENT : 0;
}

int
__wrap_pipe2(int fds[2], int flags OVS_UNUSED)
{
    fds[0] = fds[1] = socket(AF_UNIX, SOCK_STREAM, 0);
    return 0;
}

pid_t
__wrap_waitpid(pid_t pid, int *status, int options)
{
    if (options & WNOHANG && !killed && n_looks-- > 0) {
        return 0;
    }
    *status = killed ? 9 : exit_status << 8;
    return pid;
}

int
__wrap_kill(pid_t pid OVS_UNUSED, int sig OVS_UNUSED)
{
    killed = true;
    return 0;
}

static void
put_event(const char *line, struct ds *ds)
{
    struct link_event ev;

    link_event_parse(line, &ev);
    ovs_assert(strlen(ev.session) < sizeof ev.session);
    ovs_assert(strlen(ev.text) < sizeof ev.text);
    ds_put_format(ds, "%d %"PRIu64" %s %s\n", ev.type, ev.n, ev.session,
                  ev.text);
}

/* The events in 'data', read 'piece' bytes at a time, as one text. */
static char *
events(const uint8_t *data, size_t n, size_t piece)
{
    struct link_lines *l = xzalloc(sizeof *l);
    struct ds ds = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&ds, "");
    while (n) {
        const char *line;
        size_t room, ofs = 0, len;
        char *p = link_lines_room(l, &room);

        len = MIN(MIN(room, piece), n);
        ovs_assert(len);
        memcpy(p, data, len);
        link_lines_put(l, len);
        data += len;
        n -= len;
        while ((line = link_lines_next(l, &ofs))) {
            put_event(line, &ds);
        }
    }
    free(l);
    return ds_steal_cstr(&ds);
}

/* The same in the simple way. */
static char *
expected_events(const uint8_t *data, size_t n)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    const uint8_t *end;

    ds_put_cstr(&ds, "");
    for (; (end = memchr(data, '\n', n)); n -= end + 1 - data, data = end + 1) {
        size_t len = end - data;

        if (len < LINK_LINES_MAX && !memchr(data, '\0', len)) {
            char *line = xmemdup0((const char *) data, len);

            put_event(line, &ds);
            free(line);
        }
    }
    return ds_steal_cstr(&ds);
}

static void
run_hook(void)
{
    static bool first = true;
    struct smap env = SMAP_INITIALIZER(&env);
    struct ds ds = DS_EMPTY_INITIALIZER;

    if (first) {
        /* Where the run keeps the target's failures. */
        mkdir("hooks.d", 0700);
        mkdir("hooks.d/fence", 0700);
        close(open("hooks.d/fence/10-it", O_CREAT | O_WRONLY | O_CLOEXEC,
                   0700));
        hooks_init("hooks.d");
        first = false;
    }
    smap_add(&env, "DTS_NODE", "A");
    hooks_start("fence", "voip", &env);
    hooks_format(&ds);
    for (int i = 0; i < 100 && hooks_running("fence", "voip"); i++) {
        hooks_run();
        fake_wait(1000);
    }
    ovs_assert(!hooks_running("fence", "voip"));
    smap_destroy(&env);
    ds_destroy(&ds);
}

static void
run_program(void)
{
    const char *argv[] = { "", "insert", "vif5.0=dtsb5.0", NULL };
    char *error = netbuf_program_run(argv);

    ovs_assert(error || !exit_status);
    ovs_assert(!error || !strchr(error, '\n'));
    free(error);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 3) {
        return 0;
    }
    fake_init();
    exit_status = data[1] & 127;
    n_looks = 1 + (data[1] >> 7) * 200;
    fake_socket.closed = data[1] & 1;
    fake_socket.piece = data[2];
    fake_socket.data = data + 3;
    fake_socket.n = n - 3;
    switch (data[0] % 3) {
    case 0: {
        char *a = expected_events(data + 3, n - 3);
        char *b = events(data + 3, n - 3, 1 + data[2]);

        ovs_assert(!strcmp(a, b));
        free(a);
        free(b);
        break;
    }
    case 1: run_hook(); break;
    case 2: run_program(); break;
    }
    return 0;
}
