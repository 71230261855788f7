/* SPDX-License-Identifier: Apache-2.0 */
/* The output buffer's library by hand, for tests: one command a line on
 * standard input, one answer a line on standard output ("ok US TEXT" or
 * "error CODE US TEXT"; US: how long it took).
 *
 *   open DOMID LIMIT [CLASS...]    epoch    release    release-all    stats
 *   close release|drop|keep        undo DOMID release|drop
 *   loop N                         N times epoch and release
 *
 * "crash" ends it as if it had been killed. */

#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../libxl-ext/netbuf.h"
#include "util.h"

static struct remus_netbuf *nb;

static long long int
now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static enum remus_netbuf_end
parse_end(const char *s)
{
    return (s && !strcmp(s, "drop") ? REMUS_NETBUF_DROP
            : s && !strcmp(s, "keep") ? REMUS_NETBUF_KEEP
            : REMUS_NETBUF_RELEASE);
}

static int
do_open(int domid, size_t limit, char *save, char **text)
{
    struct remus_class classes[REMUS_MAX_CLASSES];
    size_t n = 0;
    char *word;

    while ((word = strtok_r(NULL, " \n", &save)) && n < REMUS_MAX_CLASSES) {
        *text = remus_class_parse(word, &classes[n++]);
        if (*text) {
            return 1;
        }
    }
    return remus_netbuf_open(domid, classes, n, limit, &nb, text);
}

static int
do_stats(char **text)
{
    struct remus_netbuf_stats s;
    int error = remus_netbuf_stats(nb, &s);
    char *classes = xstrdup("");
    size_t i;

    for (i = 0; i < s.n_classes; i++) {
        char *more = xasprintf("%s class%"PRIuSIZE"=%"PRIu64, classes, i,
                               s.bypassed[i].frames);
        free(classes);
        classes = more;
    }
    *text = xasprintf("vifs=%"PRIuSIZE" intact=%d held=%d closed=%d "
                      "waiting=%"PRIu64" bytes=%"PRIu64" left=%"PRIu64
                      " dropped=%"PRIu64"%s",
                      s.n_vifs, s.intact, s.held, s.closed, s.waiting.frames,
                      s.waiting.bytes, s.left.frames, s.dropped, classes);
    free(classes);
    return error;
}

static int
do_loop(int n, char **text)
{
    long long int worst = 0;
    int error = 0, i;

    for (i = 0; i < n && !error; i++) {
        long long int start = now_us();

        error = remus_netbuf_close_epoch(nb);
        error = error ? error : remus_netbuf_release(nb);
        worst = MAX(worst, now_us() - start);
    }
    *text = xasprintf("worst=%lld", worst);
    return error;
}

static int
run(const char *command, char *save, char **text)
{
    if (!strcmp(command, "undo")) {
        char *domid = strtok_r(NULL, " \n", &save);

        return remus_netbuf_undo(domid ? atoi(domid) : -1,
                                 parse_end(strtok_r(NULL, " \n", &save)),
                                 text);
    } else if (!strcmp(command, "open")) {
        char *domid = strtok_r(NULL, " \n", &save);
        char *limit = strtok_r(NULL, " \n", &save);

        return do_open(domid ? atoi(domid) : -1, limit ? atoi(limit) : 0,
                       save, text);
    } else if (!nb) {
        *text = xstrdup("not open");
        return 1;
    } else if (!strcmp(command, "epoch")) {
        return remus_netbuf_close_epoch(nb);
    } else if (!strcmp(command, "release")) {
        return remus_netbuf_release(nb);
    } else if (!strcmp(command, "release-all")) {
        return remus_netbuf_release_all(nb);
    } else if (!strcmp(command, "stats")) {
        return do_stats(text);
    } else if (!strcmp(command, "loop")) {
        char *times = strtok_r(NULL, " \n", &save);

        return do_loop(times ? atoi(times) : 1, text);
    } else if (!strcmp(command, "close")) {
        struct remus_netbuf *old = nb;

        nb = NULL;
        return remus_netbuf_close(old, parse_end(strtok_r(NULL, " \n",
                                                          &save)), text);
    }
    *text = xstrdup("unknown command");
    return 1;
}

int
main(void)
{
    char line[1024];

    while (fgets(line, sizeof line, stdin)) {
        char *save, *command = strtok_r(line, " \n", &save), *text = NULL;
        long long int start = now_us();
        int code;

        if (!command) {
            continue;
        } else if (!strcmp(command, "crash")) {
            _exit(9);
        }
        code = run(command, save, &text);
        if (code) {
            printf("error %d %lld %s\n", code, now_us() - start,
                   text ? text : strerror(code));
        } else {
            printf("ok %lld %s\n", now_us() - start, text ? text : "");
        }
        fflush(stdout);
        free(text);
    }
    return 0;
}
