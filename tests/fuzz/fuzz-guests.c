/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "fake.h"
#include "guests.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "xs.h"

/* Fuzz-sources: tests/fuzz/fake.c remus-hooks/agent/guests.c
 * Fuzz-sources: remus-hooks/lib/rundir.c
 * Fuzz-includes: remus-hooks/agent tests/fuzz
 * Fuzz-wrap: clock_gettime poll socket connect send recv read posix_spawn
 * Fuzz-wrap: socketpair waitpid kill fopen unlink
 *
 * The guests, as xenstore and dts-domwatch tell of them.  Lines:
 *
 *     DOMID NAME [MAC [SHUTDOWN]]     is in the next look at xenstore
 *     (an empty line)                 the look is taken
 *     -                               xenstore goes away
 *     !                               dts-domwatch dies
 *     (anything else)                 dts-domwatch says so
 *
 * Each domain is found by its number and by its name, and is what the last look
 * had; and whatever dts-domwatch has said, its next line is understood. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
ssize_t __wrap_read(int fd, void *, size_t);
int __wrap_posix_spawn(pid_t *, const char *path,
                       const posix_spawn_file_actions_t *,
                       const posix_spawnattr_t *, char *const argv[],
                       char *const envp[]);
int __wrap_socketpair(int domain, int type, int protocol, int fds[2]);
pid_t __wrap_waitpid(pid_t, int *status, int options);
int __wrap_kill(pid_t, int sig);
FILE *__wrap_fopen(const char *path, const char *mode);
int __wrap_unlink(const char *path);

#define MAX_DOMAINS 16

static struct xs_domain look[MAX_DOMAINS];
static size_t n_look;
static struct xs_snapshot *next;

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
    return 0;
}

int
__wrap_socketpair(int domain OVS_UNUSED, int type OVS_UNUSED,
                  int protocol OVS_UNUSED, int fds[2])
{
    fds[0] = socket(AF_UNIX, SOCK_STREAM, 0);
    fds[1] = fds[0] + 1;
    return 0;
}

pid_t
__wrap_waitpid(pid_t pid, int *status, int options OVS_UNUSED)
{
    *status = 0;
    return pid;
}

int
__wrap_kill(pid_t pid OVS_UNUSED, int sig OVS_UNUSED)
{
    return 0;
}

/* No marks of copies are kept. */
FILE *
__wrap_fopen(const char *path OVS_UNUSED, const char *mode OVS_UNUSED)
{
    errno = EACCES;
    return NULL;
}

int
__wrap_unlink(const char *path OVS_UNUSED)
{
    return 0;
}

/* The thread that watches xenstore. */

void
xs_thread_start(void)
{
}

void
xs_thread_wait(void)
{
}

void
xs_thread_look(void)
{
}

const char *
xs_thread_error(void)
{
    return NULL;
}

struct xs_snapshot *
xs_thread_next(void)
{
    struct xs_snapshot *s = next;

    next = NULL;
    return s;
}

void
xs_snapshot_destroy(struct xs_snapshot *s OVS_UNUSED)
{
}

static void
clear_look(void)
{
    while (n_look) {
        struct xs_domain *d = &look[--n_look];

        free(d->name);
        free(d->mac);
        free(d->shutdown);
    }
}

static void
check_guest(const struct xs_domain *d)
{
    const struct guest *g = guests_find_domid(d->domid);

    if (!d->name[0]) {
        return;
    }
    ovs_assert(g && g->domid == d->domid);
    ovs_assert(!strncmp(g->name, d->name, strlen(g->name)));
    ovs_assert(!strcmp(g->mac, d->mac));
    ovs_assert(guests_find(g->name, g->kind));
    ovs_assert((g->kind == GUEST_OWN) == !strcmp(g->name, d->name));
    guests_settle(d->domid);
    ovs_assert(!g->renamed);
}

static void
take_look(bool connected)
{
    struct xs_snapshot s = { .domains = look, .n = n_look,
                             .connected = connected, .mono_us = 1 };

    next = &s;
    guests_run();
    ovs_assert(guests_known() == connected);
    for (size_t i = 0; i < n_look && connected; i++) {
        check_guest(&look[i]);
    }
    clear_look();
}

static void
domwatch_says(const char *text, size_t n)
{
    fake_socket.data = (const uint8_t *) text;
    fake_socket.n = n;
    guests_run();
    ovs_assert(!fake_socket.n);
}

static void
take_line(const struct fake_line *line)
{
    char name[64] = "", mac[32] = "", shutdown[32] = "";
    int domid, n;

    n = sscanf(line->text, "%d %63s %31s %31s", &domid, name, mac, shutdown);
    if (!line->len) {
        take_look(true);
    } else if (!strcmp(line->text, "-")) {
        take_look(false);
    } else if (!strcmp(line->text, "!")) {
        fake_socket.closed = true;
        guests_run();
        fake_socket.closed = false;
        fake_wait(3000);
        guests_run();
    } else if (n > 0) {
        for (size_t i = 0; i < n_look; i++) {
            if (look[i].domid == domid) {
                return;
            }
        }
        if (n_look < MAX_DOMAINS) {
            look[n_look++] = (struct xs_domain) {
                .domid = domid, .name = xstrdup(name), .mac = xstrdup(mac),
                .shutdown = xstrdup(shutdown),
            };
        }
    } else {
        line->text[line->len] = '\n';
        domwatch_says(line->text, line->len + 1);
    }
}

static void
check_next_line(void)
{
    static const char paused[] = "\n{\"domid\": 1, \"state\": \"paused\"}\n";

    clear_look();
    look[n_look++] = (struct xs_domain) {
        .domid = 1, .name = xstrdup("probe"), .mac = xstrdup(""),
        .shutdown = xstrdup(""),
    };
    take_look(true);
    domwatch_says(paused, strlen(paused));
    ovs_assert(guests_find_domid(1)->state == GUEST_PAUSED);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static bool first = true;
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct fake_line line;

    fake_init();
    if (first) {
        guests_init("/nonexistent");
        first = false;
    }
    while (fake_next_line(&data, &n, &line)) {
        take_line(&line);
        free(line.text);
    }
    guests_format(&ds);
    ds_destroy(&ds);
    check_next_line();
    take_look(true);
    fake_socket.closed = true;
    guests_run();
    fake_wait(3000);
    return 0;
}
