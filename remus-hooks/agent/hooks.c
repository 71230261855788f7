/* SPDX-License-Identifier: Apache-2.0 */

/* Operators' hook scripts.
 *
 * A hook is whatever is executable in /etc/remus-dts/hooks.d/EVENT/.  For one
 * event and domain they run one after the other, in the order of their names;
 * different events run side by side.  Each has TIME_LIMIT_MS, then it is
 * killed.  What they print is logged.  Nothing waits for a hook: the switch
 * never depends on one. */

#include <config.h>
#include "hooks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "process.h"
#include "smap.h"
#include "svec.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(hooks);

#define TIME_LIMIT_MS 15000
#define MAX_LOGGED 2000         /* Bytes of a hook's output that are logged. */

extern char **environ;

/* The hooks of one event and domain. */
struct run {
    struct ovs_list list_node;
    char *event, *domain;
    struct svec env;            /* "NAME=VALUE" */
    struct svec scripts;        /* Paths, in order. */
    size_t next;                /* In 'scripts'. */

    /* The one that runs; pid 0: none. */
    pid_t pid;
    int fd;                     /* Its output. */
    struct ds output;
    long long int started, deadline;
};

static char *hooks_dir;
static struct ovs_list runs = OVS_LIST_INITIALIZER(&runs);

static bool find_scripts(struct run *);
static void start_next(struct run *);
static bool step(struct run *);
static void destroy(struct run *);

void
hooks_init(const char *dir)
{
    hooks_dir = xstrdup(dir);
}

void
hooks_start(const char *event, const char *domain, const struct smap *env)
{
    const struct smap_node *node;
    struct run *run;

    if (hooks_running(event, domain)) {
        return;
    }
    run = xzalloc(sizeof *run);
    run->event = xstrdup(event);
    run->domain = xstrdup(domain);
    run->fd = -1;
    svec_init(&run->env);
    svec_init(&run->scripts);
    ds_init(&run->output);
    for (char **e = environ; *e; e++) {
        if (strncmp(*e, "DTS_", 4) || !strncmp(*e, "DTS_RUNDIR=", 11)) {
            svec_add(&run->env, *e);
        }
    }
    SMAP_FOR_EACH (node, env) {
        svec_add_nocopy(&run->env,
                        xasprintf("%s=%s", node->key, node->value));
    }
    svec_add_nocopy(&run->env, xasprintf("DTS_DOMAIN=%s", domain));
    svec_add_nocopy(&run->env, xasprintf("DTS_EVENT=%s", event));
    svec_terminate(&run->env);
    if (!find_scripts(run)) {
        destroy(run);
        return;
    }
    ovs_list_push_back(&runs, &run->list_node);
    start_next(run);
}

bool
hooks_running(const char *event, const char *domain)
{
    const struct run *run;

    LIST_FOR_EACH (run, list_node, &runs) {
        if (!strcmp(run->event, event) && !strcmp(run->domain, domain)) {
            return true;
        }
    }
    return false;
}

void
hooks_run(void)
{
    struct run *run;

    LIST_FOR_EACH_SAFE (run, list_node, &runs) {
        while (run->pid && step(run)) {
            start_next(run);
        }
        if (!run->pid && run->next >= run->scripts.n) {
            ovs_list_remove(&run->list_node);
            destroy(run);
        }
    }
}

void
hooks_wait(void)
{
    const struct run *run;

    LIST_FOR_EACH (run, list_node, &runs) {
        if (run->fd >= 0) {
            poll_fd_wait(run->fd, POLLIN);
        } else {
            poll_timer_wait(20);    /* Its output is closed, it lives on. */
        }
        poll_timer_wait_until(run->deadline);
    }
}

void
hooks_format(struct ds *ds)
{
    const struct run *run;

    LIST_FOR_EACH (run, list_node, &runs) {
        ds_put_format(ds, "hook %s of domain %s runs for %lld ms\n",
                      run->scripts.names[run->next - 1], run->domain,
                      time_msec() - run->started);
    }
}

static bool
find_scripts(struct run *run)
{
    char *path = xasprintf("%s/%s", hooks_dir, run->event);
    DIR *dir = opendir(path);
    struct dirent *de;

    while (dir && (de = readdir(dir))) {
        char *script = xasprintf("%s/%s", path, de->d_name);
        struct stat st;

        if (de->d_name[0] != '.' && !strchr(de->d_name, '~')
            && !strstr(de->d_name, ".dpkg-") && !stat(script, &st)
            && S_ISREG(st.st_mode) && !access(script, X_OK)) {
            svec_add_nocopy(&run->scripts, script);
        } else {
            free(script);
        }
    }
    if (dir) {
        closedir(dir);
    }
    free(path);
    svec_sort(&run->scripts);
    return run->scripts.n > 0;
}

static void
start_next(struct run *run)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none;
    int fds[2];

    if (run->next >= run->scripts.n) {
        return;
    }

    const char *script = run->scripts.names[run->next++];
    char *argv[] = { CONST_CAST(char *, script), run->domain, NULL };
    if (pipe2(fds, O_CLOEXEC)) {
        VLOG_ERR("%s: no pipe: %s", script, ovs_strerror(errno));
        run->next = run->scripts.n;
        return;
    }

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
    posix_spawn_file_actions_adddup2(&actions, fds[1], 2);
    posix_spawnattr_init(&attr);
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, (POSIX_SPAWN_SETSIGMASK
                                     | POSIX_SPAWN_SETPGROUP));

    int error = posix_spawn(&run->pid, script, &actions, &attr, argv,
                            run->env.names);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    close(fds[1]);
    if (error) {
        VLOG_ERR("%s: could not be started: %s", script, ovs_strerror(error));
        close(fds[0]);
        run->pid = 0;
        start_next(run);
        return;
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    run->fd = fds[0];
    run->started = time_msec();
    run->deadline = run->started + TIME_LIMIT_MS;
    ds_clear(&run->output);
    VLOG_INFO("domain %s: hook %s started", run->domain, script);
}

/* Returns true if the present script has ended. */
static bool
step(struct run *run)
{
    const char *script = run->scripts.names[run->next - 1];

    while (run->fd >= 0) {
        char buf[512];
        ssize_t n = read(run->fd, buf, sizeof buf);
        if (n > 0) {
            ds_put_buffer(&run->output, buf,
                          MIN(n, MAX_LOGGED - run->output.length));
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && errno == EAGAIN) {
            break;
        } else {
            close(run->fd);
            run->fd = -1;
        }
    }

    int status;
    pid_t pid = waitpid(run->pid, &status, WNOHANG);
    if (!pid) {
        if (time_msec() >= run->deadline) {
            VLOG_WARN("domain %s: hook %s killed after %d ms",
                      run->domain, script, TIME_LIMIT_MS);
            kill(-run->pid, SIGKILL);
            run->deadline = time_msec() + TIME_LIMIT_MS;
        }
        return false;
    }

    char *how = process_status_msg(pid < 0 ? 0 : status);
    bool ok = pid > 0 && WIFEXITED(status) && !WEXITSTATUS(status);
    ds_chomp(&run->output, '\n');
    VLOG(ok ? VLL_INFO : VLL_WARN, "domain %s: hook %s: %s after %lld ms%s%s",
         run->domain, script, how, time_msec() - run->started,
         run->output.length ? ": " : "", ds_cstr(&run->output));
    free(how);
    if (run->fd >= 0) {
        close(run->fd);         /* A grandchild may hold the other end. */
        run->fd = -1;
    }
    run->pid = 0;
    return true;
}

static void
destroy(struct run *run)
{
    free(run->event);
    free(run->domain);
    svec_destroy(&run->env);
    svec_destroy(&run->scripts);
    ds_destroy(&run->output);
    free(run);
}
