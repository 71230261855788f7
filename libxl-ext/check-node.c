/* SPDX-License-Identifier: Apache-2.0 */
/* What a node needs at either end of a protection: see the header.
 *
 * `dts-ctl check` says much of this, too, of its own node and by itself; here
 * it is said of both in one place, before a certain domain is protected. */

#include <config.h>

#include "check-node.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent-client.h"
#include "check-copy.h"
#include "check-io.h"
#include "check-lines.h"
#include "check-wire.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "real-helper.h"
#include "remus-dts/exit.h"
#include "rundir.h"
#include "timeval.h"
#include "util.h"

#define AGENT_MS 3000
#define PROGRAM_MS 3000

extern char **environ;

/* Reads until 'deadline' what comes; returns false if it did not end. */
static bool
read_output(int fd, char *text, size_t size, size_t *len, int64_t deadline)
{
    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int64_t left = deadline - time_usec();
        ssize_t n;

        if (left <= 0) {
            return false;
        }
        if (poll(&p, 1, (left + 999) / 1000) <= 0) {
            continue;
        }
        n = read(fd, text + *len, size - *len);
        if (n > 0) {
            *len += n;
        } else if (!n || errno != EINTR) {
            return true;
        }
    }
}

/* Waits for 'pid' until 'deadline'; returns false if it did not end. */
static bool
wait_for_end(pid_t pid, int *status, int64_t deadline)
{
    for (;;) {
        pid_t ended = waitpid(pid, status, WNOHANG);

        if (ended == pid) {
            return true;
        } else if (ended < 0 && errno != EINTR) {
            *status = -1;
            return true;
        } else if (time_usec() >= deadline) {
            return false;
        }
        poll(NULL, 0, 5);
    }
}

static int
spawn(const char *const argv[], int out, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int error;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                     O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
                                     O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attr, 0);
    error = posix_spawnp(pid, argv[0], &actions, &attr, (char *const *) argv,
                         environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

char *
check_capture(struct check_lines *c, const char *const argv[])
{
    int64_t deadline = time_usec() + PROGRAM_MS * INT64_C(1000);
    int fds[2], status = 0;
    bool ended = false;
    char text[4096];
    size_t len = 0;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC)) {
        return NULL;
    }
    if (spawn(argv, fds[1], &pid)) {
        close(fds[0]);
        close(fds[1]);
        return NULL;
    }
    close(fds[1]);
    ended = (read_output(fds[0], text, sizeof text, &len, deadline)
             && wait_for_end(pid, &status, deadline));
    close(fds[0]);
    if (!ended) {
        kill(-pid, SIGKILL);
        /* Not for ever, either: it may be stuck in the kernel. */
        wait_for_end(pid, &status, time_usec() + 100000);
        check_bad(c, CHECK_WARN, "program", xasprintf(
                  "%s by hand: what does it wait for?", argv[0]),
                  "%s did not end within %d s", argv[0], PROGRAM_MS / 1000);
        return NULL;
    }
    if (len && text[len - 1] == '\n') {
        len--;
    }
    return status ? NULL : xmemdup0(text, len);
}

/* ---------------------------------------------------------------- programs */

void
check_helpers(struct check_lines *c)
{
    static const char gate[] = DTS_LIBEXECDIR "/dts-save-helper";
    const char *env = getenv("LIBXL_SAVE_HELPER");
    const char *ours = env && env[0] ? env : gate;
    char *real = real_helper_path();

    if (access(ours, X_OK)) {
        check_bad(c, CHECK_FAIL, "gate", xstrdup(
                  "apt install remus-dts-server"), "%s cannot be executed "
                  "(%s): a copy could run without a grant", ours,
                  ovs_strerror(errno));
    } else if (!real || access(real, X_OK)) {
        check_bad(c, CHECK_FAIL, "gate", xstrdup(
                  "apt install xen-utils-4.17 (or that of the Xen that "
                  "runs)"), "Xen's libxl-save-helper is not there: nothing "
                  "can be saved or restored");
    } else {
        check_ok(c, "gate", "%s and %s are there", ours, real);
    }
    free(real);
}

/* A module that is not loaded yet but can be is well: the kernel loads it when
 * it is wanted. */
void
check_plug(struct check_lines *c, bool now)
{
    char *output;

    if (!access("/sys/module/sch_plug", F_OK)) {
        check_ok(c, "plug", "sch_plug is loaded: output can be held");
        return;
    }
    output = check_capture(c, (const char *const[]) {
                           "modprobe", "-n", "-q", "sch_plug", NULL });
    if (output) {
        check_ok(c, "plug", "sch_plug can be loaded: output can be held");
    } else {
        check_bad(c, now ? CHECK_FAIL : CHECK_WARN, "plug", xstrdup(
                  "install a kernel that has it (Debian's has), or the "
                  "package of its extra modules; xl-remus protect -n does "
                  "without, and without output commit"),
                  "the kernel has no sch_plug: output cannot be held%s", now
                  ? "" : ", should the domain be protected from here one day");
    }
    free(output);
}

/* dts-link's unit keeps clocks from what runs in it, so also the question how
 * ours is: then systemd is asked.  Returns false if nobody says. */
static bool
clock_is_set(struct check_lines *c, bool *set, long int *within_ms)
{
    struct timex t = { .modes = 0 };
    int state = adjtimex(&t);
    char *answer;

    if (state >= 0) {
        *set = state != TIME_ERROR && !(t.status & STA_UNSYNC);
        *within_ms = t.maxerror / 1000;
        return true;
    }
    answer = check_capture(c, (const char *const[]) {
                           "timedatectl", "show", "--property=NTPSynchronized",
                           "--value", NULL });
    *set = answer && !strcmp(answer, "yes");
    *within_ms = 0;
    if (!answer) {
        return false;
    }
    free(answer);
    return true;
}

void
check_clock(struct check_lines *c)
{
    long int within_ms;
    bool set;

    if (!clock_is_set(c, &set, &within_ms)) {
        /* The two clocks are compared in any case. */
        return;
    } else if (!set) {
        check_bad(c, CHECK_WARN, "clock",
                  xstrdup("apt install chrony (in dom0)"),
                  "the clock is not synchronised: the phases of a failover "
                  "cannot be compared across nodes (nothing else needs it)");
    } else if (within_ms) {
        check_ok(c, "clock", "synchronised, within %ld ms", within_ms);
    } else {
        check_ok(c, "clock", "synchronised");
    }
}

/* ------------------------------------------------------------------- agent */

static struct json *
take_result(struct agent_msg *answer)
{
    struct json *result = answer->result;

    answer->result = NULL;
    agent_msg_destroy(answer);
    if (result && result->type != JSON_OBJECT) {
        json_destroy(result);
        result = NULL;
    }
    return result;
}

static int
no_agent(struct check_lines *c, const char *why)
{
    check_bad(c, CHECK_FAIL, "agent", xstrdup(
              "systemctl start dts-agent; its log is in /var/log/remus-dts"),
              "dts-agent does not answer (%s)", why);
    return DTS_EXIT_NO_DATABASE;
}

static int
say_status(struct check_lines *c, const struct json *status)
{
    const char *version = check_string(status, "version");

    if (!check_true(status, "connected")) {
        check_bad(c, CHECK_FAIL, "agent", xstrdup(
                  "dts-ctl check on that node says more"),
                  "dts-agent runs, but has no connection to the database");
        return DTS_EXIT_NO_DATABASE;
    }
    if (strcmp(version, DTS_VERSION)) {
        check_bad(c, CHECK_WARN, "agent", xstrdup(
                  "install the same version of all packages, then: systemctl "
                  "restart dts-agent"), "dts-agent is version %s, xl-remus "
                  "%s", version, DTS_VERSION);
    } else {
        check_ok(c, "agent", "dts-agent answers and has the database");
    }
    return 0;
}

int
check_agent(struct check_lines *c, const char *role, const char *domain,
            const char *peer, struct json **facts, struct json **status)
{
    struct json *params = json_object_create();
    struct agent_client *client;
    struct agent_msg *answer;
    int error, code;

    *facts = *status = NULL;
    error = agent_client_open(NULL, AGENT_MS, &client);
    if (error) {
        json_destroy(params);
        return no_agent(c, ovs_strerror(error));
    }
    json_object_put(params, "version",
                    json_integer_create(DTS_AGENT_VERSION));
    json_object_put_string(params, "role", role);
    json_object_put(params, "pid", json_integer_create(getpid()));
    json_object_put_string(params, "domain", domain);
    json_object_put_string(params, "peer", peer);
    error = agent_client_call(client, "hello", params, AGENT_MS, &answer);
    if (error) {
        code = no_agent(c, ovs_retval_to_string(error));
        goto out;
    } else if (answer->error) {
        code = answer->code ? answer->code : DTS_EXIT_REFUSED;
        check_bad(c, CHECK_FAIL, "agent", xstrdup(
                  code == DTS_EXIT_USAGE ? "install programs and agent of one "
                  "release, then: systemctl restart dts-agent"
                  : "dts-ctl show; dts-ctl status"), "dts-agent refuses: %s",
                  answer->error);
        agent_msg_destroy(answer);
        goto out;
    }
    *facts = take_result(answer);
    params = json_object_create();
    json_object_put_string(params, "domain", domain);
    error = agent_client_call(client, "status", params, AGENT_MS, &answer);
    *status = error ? NULL : take_result(answer);
    code = (*status ? say_status(c, *status)
            : no_agent(c, error ? ovs_retval_to_string(error) : "no status"));
out:
    agent_client_close(client);
    return code;
}

const struct json *
check_agent_domain(const struct json *status, const char *domain)
{
    const struct json *list = (status && status->type == JSON_OBJECT
                               ? shash_find_data(json_object(status),
                                                 "domains") : NULL);

    for (size_t i = 0; list && list->type == JSON_ARRAY
         && i < json_array(list)->n; i++) {
        const struct json *d = json_array(list)->elems[i];

        if (!strcmp(check_string(d, "domain"), domain)) {
            return d;
        }
    }
    return NULL;
}

char *
check_copy(const char *domain, uint32_t domid, bool lock)
{
    struct json *facts, *status;
    struct check_lines unseen;
    const char *known;

    if (lock && dts_engine_lives(domain)) {
        return xstrdup("its lock is held: it is being protected, or looked "
                       "at by another command");
    }
    if (check_saver_runs("/proc", domid)) {
        return xstrdup("it is being saved, migrated or protected now (a save "
                       "helper of it runs)");
    }
    /* Without an agent there is no session that it could know. */
    check_lines_init(&unseen, "");
    check_agent(&unseen, "check", domain, "", &facts, &status);
    known = check_copy_known(check_agent_domain(status, domain));
    check_lines_uninit(&unseen);
    json_destroy(facts);
    json_destroy(status);
    return known ? xstrdup(known) : NULL;
}

/* ---------------------------------------------------------------- versions */

char *
check_xen_version(libxl_ctx *ctx)
{
    const libxl_version_info *v = libxl_get_version_info(ctx);

    return (v ? xasprintf("%d.%d", v->xen_version_major, v->xen_version_minor)
            : xstrdup(""));
}

/* The file's name that it was loaded by: its SONAME, which has the version. */
char *
check_libxl_name(void)
{
    /* Not our own address of it, which may be in the program. */
    void *there = dlsym(RTLD_DEFAULT, "libxl_ctx_alloc");
    const char *slash;
    Dl_info info;

    if (!there || !dladdr(there, &info) || !info.dli_fname) {
        return xstrdup("");
    }
    slash = strrchr(info.dli_fname, '/');
    return xstrdup(slash ? slash + 1 : info.dli_fname);
}
