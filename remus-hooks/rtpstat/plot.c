/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "plot.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "openvswitch/dynamic-string.h"
#include "report.h"
#include "util.h"

/* Draws what the paper draws: jitter over time, a line for each stream, and
 * the downtime as a shaded band.  Captures of different runs share a picture:
 * each is shifted so that its own instant '--at' is second 0, and without one
 * so that its first packet is.
 *
 * gnuplot does the drawing, fed through a pipe: no temporary file, no shell.
 * Labels come from the user and may hold anything; they are put between single
 * quotes, inside which gnuplot substitutes nothing.  The picture is gnuplot's
 * standard output, opened by us: so it need not know the file's name, and
 * cannot go on when the file cannot be written. */

#define MAX_LINES 8             /* Streams that are drawn of each capture. */
#define KEY_ROWS 8              /* Of the legend, then comes a new column. */

struct line {
    const struct capture *capture;
    const struct stream *stream;
    struct rtp_summary all;
    int64_t zero;               /* ns since the epoch */
    size_t color;
};

static const char *colors[] = {
    "#0060ad", "#dd181f", "#008040", "#b06000", "#7030a0", "#008b8b",
    "#808000", "#404040",
};

static size_t choose_lines(const struct capture *, size_t n,
                           struct line **lines);
static void put_quoted(struct ds *, const char *);
static void put_data(struct ds *, const struct line *, size_t index);
static void put_bands(struct ds *, const struct line *, size_t n);
static void put_marks(struct ds *, const struct capture *, size_t n,
                      const struct line *, size_t n_lines);
static void put_title(struct ds *, const struct line *, size_t n_captures);
static char *feed_gnuplot(const struct ds *, const char *file);

bool
plot_file_is_supported(const char *file)
{
    const char *dot = strrchr(file, '.');
    return dot && (!strcmp(dot, ".png") || !strcmp(dot, ".svg"));
}

void
plot_format(const struct capture *captures, size_t n, const char *file,
            const char *title, struct ds *ds)
{
    struct line *lines;
    size_t n_lines = choose_lines(captures, n, &lines);
    bool svg = !strcmp(strrchr(file, '.'), ".svg");
    int rows = MIN(MAX(n_lines, 1), KEY_ROWS);
    bool at = n > 0;

    for (size_t i = 0; i < n; i++) {
        at = at && captures[i].at != NO_TIME;
    }
    ds_put_format(ds, "set terminal %s size 1200,600 noenhanced %s\n",
                  svg ? "svg" : "pngcairo",
                  svg ? "font 'Sans,14' background rgb 'white'"
                  : "font 'Sans,12'");
    ds_put_cstr(ds, "set title ");
    put_quoted(ds, title ? title : "Interarrival jitter (RFC 3550)");
    ds_put_format(ds, "\nset xlabel '%s'\n"
                  "set ylabel 'jitter (ms)'\n"
                  "set yrange [0:*]\n"
                  "set grid\n"
                  "set key at screen 0.5,screen %.3f center top vertical "
                  "maxrows %d samplen 2\n"
                  "set bmargin %d\n",
                  at ? "time since the event (s)"
                  : "time since the first packet (s)",
                  0.02 + 0.042 * rows, KEY_ROWS, 5 + rows);
    if (at) {
        ds_put_cstr(ds, "set arrow 999 from 0,graph 0 to 0,graph 1 nohead "
                    "dashtype 2 linewidth 1.5 linecolor rgb '#555555'\n");
    }

    for (size_t i = 0; i < n_lines; i++) {
        put_data(ds, &lines[i], i);
    }
    put_bands(ds, lines, n_lines);
    put_marks(ds, captures, n, lines, n_lines);

    ds_put_cstr(ds, "plot ");
    for (size_t i = 0; i < n_lines; i++) {
        ds_put_format(ds, "%s$line%"PRIuSIZE" using 1:2 with lines "
                      "linewidth 2 linecolor rgb '%s' title ",
                      i ? ", " : "", i, colors[lines[i].color]);
        put_title(ds, &lines[i], n);
    }
    if (!n_lines) {
        ds_put_cstr(ds, "NaN title 'no RTP stream'");
    }
    ds_put_char(ds, '\n');
    free(lines);
}

char *
plot_draw(const struct capture *captures, size_t n, const char *file,
          const char *title)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    plot_format(captures, n, file, title, &ds);
    char *error = feed_gnuplot(&ds, file);
    ds_destroy(&ds);
    return error;
}

static int
compare_by_packets(const void *a_, const void *b_)
{
    const struct stream *const *ap = a_, *const *bp = b_;
    uint64_t a = (*ap)->source.received, b = (*bp)->source.received;
    return a > b ? -1 : a < b;
}

/* The streams with the most packets of each capture. */
static size_t
choose_lines(const struct capture *captures, size_t n, struct line **linesp)
{
    struct line *lines = xmalloc((n * MAX_LINES + 1) * sizeof *lines);
    size_t n_lines = 0;

    for (size_t i = 0; i < n; i++) {
        const struct capture *c = &captures[i];
        size_t n_streams;
        const struct stream **streams = stream_table_sorted(&c->table,
                                                            &n_streams);
        int64_t zero = c->at;
        if (zero == NO_TIME && n_streams) {
            zero = streams[0]->source.samples[0].arrival;
        }
        if (n_streams > MAX_LINES) {
            qsort(streams, n_streams, sizeof *streams, compare_by_packets);
            n_streams = MAX_LINES;
        }
        for (size_t j = 0; j < n_streams; j++) {
            struct line *l = &lines[n_lines];
            *l = (struct line) {
                .capture = c, .stream = streams[j], .zero = zero,
                .color = n_lines % ARRAY_SIZE(colors),
            };
            rtp_source_summarize(&l->stream->source, INT64_MIN, INT64_MAX,
                                 &l->all);
            n_lines++;
        }
        free(streams);
    }
    *linesp = lines;
    return n_lines;
}

static void
put_quoted(struct ds *ds, const char *s)
{
    ds_put_char(ds, '\'');
    for (; *s; s++) {
        unsigned char c = *s;
        if (c == '\'') {
            ds_put_cstr(ds, "''");
        } else {
            ds_put_char(ds, c < 0x20 || c == 0x7f ? ' ' : c);
        }
    }
    ds_put_char(ds, '\'');
}

static double
seconds(const struct line *l, int64_t ns)
{
    return (ns - l->zero) / 1e9;
}

/* The line is interrupted where nothing arrived for long, the downtime above
 * all: an empty row does that. */
static void
put_data(struct ds *ds, const struct line *l, size_t index)
{
    const struct rtp_source *src = &l->stream->source;

    ds_put_format(ds, "$line%"PRIuSIZE" << EOD\n", index);
    for (size_t i = 0; i < src->n_samples; i++) {
        const struct rtp_sample *x = &src->samples[i];
        if (i && x->arrival - x[-1].arrival >= MAX(l->all.gap / 2,
                                                   200000000)) {
            ds_put_char(ds, '\n');
        }
        if (!isnan(x->jitter)) {
            ds_put_format(ds, "%.6f %.6f\n", seconds(l, x->arrival),
                          x->jitter);
        }
    }
    ds_put_cstr(ds, "EOD\n");
}

/* A band for the downtime of each capture: that of its stream with the
 * longest. */
static void
put_bands(struct ds *ds, const struct line *lines, size_t n)
{
    size_t band = 0;

    for (size_t i = 0; i < n; ) {
        size_t worst = i, end = i;
        for (; end < n && lines[end].capture == lines[i].capture; end++) {
            if (lines[end].all.gap > lines[worst].all.gap) {
                worst = end;
            }
        }
        const struct line *l = &lines[worst];
        i = end;
        if (!l->all.gap) {
            continue;
        }
        band++;
        double begin = seconds(l, l->all.gap_begin);
        double stop = seconds(l, l->all.gap_end);
        ds_put_format(ds, "set object %"PRIuSIZE" rectangle from %.6f,"
                      "graph 0 to %.6f,graph 1 behind fillcolor rgb '%s' "
                      "fillstyle transparent solid 0.15 noborder\n",
                      band, begin, stop, colors[l->color]);
        ds_put_format(ds, "set label %"PRIuSIZE" 'downtime %.0f ms' at %.6f,"
                      "graph %.2f left offset 0.5,0 front textcolor rgb "
                      "'%s'\n", band, l->all.gap / 1e6, begin,
                      MAX(0.97 - 0.06 * (band - 1), 0.1), colors[l->color]);
    }
}

static void
put_marks(struct ds *ds, const struct capture *captures, size_t n,
          const struct line *lines, size_t n_lines)
{
    size_t mark = 1000;         /* Clear of the bands' labels. */

    for (size_t i = 0; i < n; i++) {
        const struct capture *c = &captures[i];
        const struct line *l = NULL;
        for (size_t j = 0; j < n_lines && !l; j++) {
            l = lines[j].capture == c ? &lines[j] : NULL;
        }
        for (size_t j = 0; l && j < c->n_marks; j++) {
            double x = seconds(l, c->marks[j].at);
            ds_put_format(ds, "set arrow %"PRIuSIZE" from %.6f,graph 0 to "
                          "%.6f,graph 1 nohead dashtype 2 linecolor rgb "
                          "'%s'\n", mark, x, x, colors[l->color]);
            ds_put_format(ds, "set label %"PRIuSIZE" ", mark);
            put_quoted(ds, c->marks[j].label);
            ds_put_format(ds, " at %.6f,graph 0.%02d rotate by 90 left "
                          "offset -0.7,0 front textcolor rgb '%s'\n",
                          x, (int) (20 + mark % 3 * 20), colors[l->color]);
            mark++;
        }
    }
}

static void
put_title(struct ds *ds, const struct line *l, size_t n_captures)
{
    const struct capture *c = l->capture;
    const struct stream_key *key = &l->stream->key;
    struct ds title = DS_EMPTY_INITIALIZER;

    if (c->label) {
        ds_put_format(&title, "%s: ", c->label);
    } else if (n_captures > 1) {
        ds_put_format(&title, "%s: ", c->file);
    }
    report_format_endpoint(&title, &key->src, key->sport);
    ds_put_cstr(&title, " > ");
    report_format_endpoint(&title, &key->dst, key->dport);
    put_quoted(ds, ds_cstr(&title));
    ds_destroy(&title);
}

/* Writes 'script' into a gnuplot of our own. */
static char *
feed_gnuplot(const struct ds *script, const char *file)
{
    int out = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (out < 0) {
        return xasprintf("%s: cannot write: %s", file, ovs_strerror(errno));
    }
    int fds[2];
    if (pipe2(fds, O_CLOEXEC)) {
        close(out);
        return xasprintf("cannot make a pipe: %s", ovs_strerror(errno));
    }
    pid_t pid = fork();
    if (pid < 0) {
        close(out);
        close(fds[0]);
        close(fds[1]);
        return xasprintf("cannot start gnuplot: %s", ovs_strerror(errno));
    }
    if (!pid) {
        dup2(fds[0], STDIN_FILENO);
        dup2(out, STDOUT_FILENO);
        signal(SIGPIPE, SIG_DFL);
        execlp("gnuplot", "gnuplot", "-", (char *) NULL);
        _exit(127);
    }
    close(out);
    close(fds[0]);

    /* gnuplot may end early, and then says why itself. */
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    const char *p = script->string;
    size_t left = script->length;
    while (left) {
        ssize_t n = write(fds[1], p, left);
        if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0) {
            break;
        }
        p += n;
        left -= n;
    }
    close(fds[1]);
    signal(SIGPIPE, before);

    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return xasprintf("lost gnuplot: %s", ovs_strerror(errno));
        }
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        return xstrdup("gnuplot not found: install the package gnuplot-nox");
    } else if (status) {
        return xasprintf("%s: gnuplot could not draw it", file);
    }
    return NULL;
}
