/* SPDX-License-Identifier: Apache-2.0 */
/* `xl-remus switchover`: a protected domain goes on on the other host, in good
 * order.
 *
 * Who runs a domain is the database's to say, and its owner's agent carries a
 * move out: it holds the guest's frames back, waits until the standby has a
 * checkpoint of a later suspend (so its copy has all that any client has ever
 * seen), and gives the domain up.  Here that is asked for (dts-ctl switch), the
 * checkpoint is taken at once instead of at its time, and the end is waited
 * for. */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "remus-dts/remus.h"
#include "timeval.h"
#include "util.h"
#include "xl-remus.h"

#define STATUS_MS 5000
#define CHECKPOINT_MS 10000
#define DEFAULT_S 60
#define CANCEL_S 10

extern char **environ;

static int
usage(void)
{
    return fail(DTS_EXIT_USAGE, "usage: xl-remus switchover [-t SECONDS] "
                "DOMAIN [HOST]");
}

/* Runs dts-ctl with 'args'; what it says beside errors is not shown.  Returns
 * its exit status, which is one of ours. */
static int
run_ctl(int timeout, const char *const *args)
{
    char *limit = xasprintf("--timeout=%d", timeout);
    const char *argv[8] = { "dts-ctl", limit };
    posix_spawn_file_actions_t actions;
    int error, status;
    pid_t pid;

    for (size_t i = 0; args[i]; i++) {
        ovs_assert(i + 3 < ARRAY_SIZE(argv));
        argv[i + 2] = args[i];
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
                                     O_WRONLY, 0);
    error = posix_spawnp(&pid, argv[0], &actions, NULL,
                         (char *const *) argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    free(limit);
    if (error) {
        return fail(DTS_EXIT_PARTLY, "dts-ctl cannot be run: %s",
                    ovs_strerror(error));
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        continue;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : DTS_EXIT_PARTLY;
}

/* NULL: there is none, or it is no text. */
static const char *
text_member(const struct json *object, const char *name)
{
    const struct json *text = shash_find_data(object->object, name);

    return text && text->type == JSON_STRING ? json_string(text) : NULL;
}

/* Is 'domain' protected from here?  Then '*peer', to be freed, has its copy. */
static int
get_peer(const char *domain, char **peer)
{
    const char *json_args[] = { "--json", NULL };
    const char *state = NULL, *name = NULL;
    char *reply, *error;
    struct json *json;
    int status;

    status = remus_dts_control(domain, "status", json_args, STATUS_MS, &reply,
                               &error);
    if (status) {
        fail(status, "%s", error);
        free(error);
        return status;
    }
    json = json_from_string(reply);
    free(reply);
    if (json->type == JSON_OBJECT) {
        state = text_member(json, "state");
        name = text_member(json, "peer");
    }
    if (!state || !name) {
        status = fail(DTS_EXIT_PARTLY, "the answer of %s's process is not "
                      "understood: if that is of another version of "
                      "remus-dts, dts-ctl switch %s does without it", domain,
                      domain);
    } else if (strcmp(state, "protected")) {
        status = fail(DTS_EXIT_REFUSED, "%s is not protected now (%s): there "
                      "is no copy that could go on", domain, state);
    } else {
        *peer = xstrdup(name);
    }
    json_destroy(json);
    return status;
}

static int
switch_over(const char *domain, const char *peer, int timeout)
{
    const char *request[] = { "switch", domain, peer, NULL };
    char *owner = xasprintf("--owner=%s", peer);
    const char *wait[] = { "wait", domain, owner, "--state=alone,protected",
                           NULL };
    const char *cancel[] = { "switch-cancel", domain, NULL };
    long long int begun = time_msec();
    char *reply = NULL, *error = NULL;
    int status = run_ctl(timeout, request);

    if (status == DTS_EXIT_REFUSED || status == DTS_EXIT_NOT_FOUND
        || status == DTS_EXIT_USAGE) {
        goto out;               /* Nothing was asked for. */
    }
    if (!status) {
        /* The first one may have begun before the agent knew.  No harm if the
         * session has ended by now. */
        for (int i = 0; i < 2 && !error; i++) {
            free(reply);
            reply = NULL;
            remus_dts_control(domain, "checkpoint", NULL, CHECKPOINT_MS,
                              &reply, &error);
        }
        int left = timeout - (time_msec() - begun) / 1000;
        status = run_ctl(MAX(left, 1), wait);
    }
    if (status) {
        run_ctl(CANCEL_S, cancel);
        fail(status, "%s has not gone to %s: the request is withdrawn (dts-ctl "
             "status %s; dts-ctl events %s)", domain, peer, domain, domain);
    } else {
        printf("%s runs on %s, after %lld ms\n", domain, peer,
               time_msec() - begun);
    }
out:
    free(reply);
    free(error);
    free(owner);
    return status;
}

int
cmd_switchover(int argc, char *argv[])
{
    int c, status, timeout = DEFAULT_S;
    char *peer = NULL;

    optind = 0;
    while ((c = getopt(argc, argv, "+t:h")) != -1) {
        switch (c) {
        case 't':
            if (!str_to_int(optarg, 10, &timeout) || timeout < 1
                || timeout > 3600) {
                return fail(DTS_EXIT_USAGE, "-t %s: 1 to 3600 seconds",
                            optarg);
            }
            break;
        case 'h':
            puts("usage: xl-remus switchover [-t SECONDS] DOMAIN [HOST]");
            return DTS_EXIT_OK;
        default:
            return usage();
        }
    }
    if (argc - optind < 1 || argc - optind > 2) {
        return usage();
    }
    status = get_peer(argv[optind], &peer);
    if (!status && argv[optind + 1] && strcmp(argv[optind + 1], peer)) {
        status = fail(DTS_EXIT_REFUSED, "%s's copy is on %s, not on %s",
                      argv[optind], peer, argv[optind + 1]);
    }
    if (!status) {
        status = switch_over(argv[optind], peer, timeout);
    }
    free(peer);
    return status;
}
