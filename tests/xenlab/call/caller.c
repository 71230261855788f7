/* SPDX-License-Identifier: Apache-2.0 */
/* A toolstack of its own on libremusdts, with a function at every point that
 * there is: what is called, and when, is written down; and it can be made to
 * stand still in any of them, so that something can be done to it, or to others,
 * at a moment of one's choice.
 *
 *     caller protect DIR DOMAIN [INTERVAL_MS]
 *     caller receive DIR              (by dts-link --listen --receiver=...)
 *
 * DIR/record: a line a call, "NAME ARGUMENTS".
 * DIR/stop: the name of one.  The next call of it renames that file to
 * DIR/stopped, and returns when that is gone. */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <remus-dts/remus.h>

#define LOOK_US 10000

static const char *dir;
static FILE *record;

static void
stand_still(const char *name)
{
    char stop[256], stopped[256], want[32] = "";
    FILE *f;

    snprintf(stop, sizeof stop, "%s/stop", dir);
    snprintf(stopped, sizeof stopped, "%s/stopped", dir);
    f = fopen(stop, "r");
    if (!f) {
        return;
    }
    if (fscanf(f, "%31s", want) == 1 && !strcmp(want, name) && !rename(stop, stopped)) {
        while (!access(stopped, F_OK)) {
            usleep(LOOK_US);
        }
    }
    fclose(f);
}

static void __attribute__((format(printf, 2, 3)))
called(const char *name, const char *format, ...)
{
    va_list args;

    fprintf(record, "%s ", name);
    va_start(args, format);
    vfprintf(record, format, args);
    va_end(args);
    fputc('\n', record);
    stand_still(name);
}

static void
connected(void *aux, const char *session, const char *peer)
{
    (void) aux;
    called("connected", "%s %s", session, peer);
}

static void
copying(void *aux, uint64_t bytes, uint64_t total)
{
    (void) aux;
    called("copying", "%"PRIu64" %"PRIu64, bytes, total);
}

static void
protected_(void *aux, const char *session, const char *peer)
{
    (void) aux;
    called("protected", "%s %s", session, peer);
}

static void
suspended(void *aux, uint64_t n)
{
    (void) aux;
    called("suspended", "%"PRIu64, n);
}

static void
resuming(void *aux, uint64_t n)
{
    (void) aux;
    called("resuming", "%"PRIu64, n);
}

static void
checkpoint(void *aux, const struct remus_dts_checkpoint *c)
{
    (void) aux;
    called("checkpoint", "%"PRIu64, c->n);
}

static void
suspect(void *aux, const char *reason)
{
    (void) aux;
    called("suspect", "%s", reason);
}

static void
unsuspect(void *aux)
{
    (void) aux;
    called("unsuspect", " ");
}

static void
alone(void *aux, const char *reason)
{
    (void) aux;
    called("alone", "%s", reason);
}

static void
taken(void *aux, const char *reason)
{
    (void) aux;
    called("taken", "%s", reason);
}

static void
receiving(void *aux, const char *domain)
{
    (void) aux;
    called("receiving", "%s", domain);
}

static void
resume(void *aux, const char *domain, uint32_t domid)
{
    (void) aux;
    called("resume", "%s %"PRIu32, domain, domid);
}

static void
running(void *aux, const char *domain, uint32_t domid)
{
    (void) aux;
    called("running", "%s %"PRIu32, domain, domid);
}

static void
on_log(void *aux, const char *line)
{
    (void) aux;
    called("log", "%s", line);
}

int
main(int argc, char *argv[])
{
    static const struct remus_dts_callbacks callbacks = {
        .connected = connected, .copying = copying, .protected_ = protected_,
        .suspended = suspended, .resuming = resuming, .checkpoint = checkpoint,
        .suspect = suspect, .unsuspect = unsuspect, .alone = alone, .taken = taken,
        .receiving = receiving, .resume = resume, .running = running, .log = on_log,
    };
    static const char *const classes[] = { "rtp:6000", NULL };
    static const char *const link_args[] = { "--compress=lz4", NULL };
    const struct remus_dts_protect protect = {
        .version = REMUS_DTS_VERSION, .domain = argc > 3 ? argv[3] : NULL,
        .interval_ms = argc > 4 ? atoi(argv[4]) : 0, .buffer = true,
        .realtime = classes, .link_args = link_args,
    };
    const struct remus_dts_receive receive = {
        .version = REMUS_DTS_VERSION, .in = STDIN_FILENO, .out = STDOUT_FILENO,
        .domain = getenv("DTS_DOMAIN"),
    };
    char path[256], *error = NULL;
    int status;

    if (argc < 3 || (strcmp(argv[1], "receive") && (strcmp(argv[1], "protect") || argc < 4))) {
        fprintf(stderr, "usage: caller protect DIR DOMAIN [INTERVAL_MS] | receive DIR\n");
        return DTS_EXIT_USAGE;
    }
    dir = argv[2];
    mkdir(dir, 0755);
    snprintf(path, sizeof path, "%s/record", dir);
    record = fopen(path, "ae");
    if (!record) {
        perror(path);
        return DTS_EXIT_PARTLY;
    }
    setvbuf(record, NULL, _IOLBF, 0);
    status = (!strcmp(argv[1], "receive") ? remus_dts_receive(&receive, &callbacks, NULL, &error)
              : remus_dts_protect(&protect, &callbacks, NULL, &error));
    fprintf(record, "returned %d %s\n", status, status ? error : "");
    free(error);
    return status;
}
