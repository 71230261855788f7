/* SPDX-License-Identifier: Apache-2.0 */

/* `dts-ctl check`: runs the areas, prints the lines (see check.h). */

#include <config.h>
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "ovsdb-idl.h"
#include "timeval.h"
#include "util.h"

struct check_line {
    enum check_level level;
    char *id;
    char *text;
    char *remedy;               /* NULL for CHECK_OK. */
};

static const char *const level_names[] = { "ok", "warn", "fail" };

static void
add_line(struct check *c, enum check_level level, const char *id,
         char *remedy, char *text)
{
    c->lines = xrealloc(c->lines, (c->n_lines + 1) * sizeof *c->lines);
    c->lines[c->n_lines++] = (struct check_line) {
        .level = level,
        .id = xstrdup(id),
        .text = text,
        .remedy = remedy,
    };
}

void
check_ok(struct check *c, const char *id, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_line(c, CHECK_OK, id, NULL, xvasprintf(format, args));
    va_end(args);
}

void
check_bad(struct check *c, enum check_level level, const char *id,
          char *remedy, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_line(c, level, id, remedy, xvasprintf(format, args));
    va_end(args);
}

char *
machine_path(const char *path)
{
    const char *root = getenv("DTS_CHECK_ROOT");

    return xasprintf("%s%s", root ? root : "", path);
}

bool
run_program(const char *const argv[])
{
    int status;
    pid_t pid = fork();

    if (!pid) {
        execvp(argv[0], (char *const *) argv);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

bool
wait_for_data(struct ovsdb_idl *idl, int timeout_ms)
{
    long long int deadline = time_msec() + timeout_ms;

    for (;;) {
        ovsdb_idl_run(idl);
        if (ovsdb_idl_has_ever_connected(idl)) {
            return true;
        }
        if (!ovsdb_idl_is_alive(idl) || time_msec() >= deadline) {
            return false;
        }
        ovsdb_idl_wait(idl);
        poll_timer_wait_until(deadline);
        poll_block();
    }
}

static void
format_lines(const struct check *c, const size_t counts[], struct ds *ds)
{
    for (size_t i = 0; i < c->n_lines; i++) {
        const struct check_line *line = &c->lines[i];

        ds_put_format(ds, "%-4s  %-12s %s\n", level_names[line->level],
                      line->id, line->text);
        if (line->remedy) {
            ds_put_format(ds, "%20s-> %s\n", "", line->remedy);
        }
    }
    ds_put_format(ds, "%"PRIuSIZE" ok, %"PRIuSIZE" warnings, %"PRIuSIZE" "
                  "failures\n", counts[CHECK_OK], counts[CHECK_WARN],
                  counts[CHECK_FAIL]);
}

static void
lines_to_json(const struct check *c, const size_t counts[], struct ds *ds)
{
    struct json *json = json_object_create();
    struct json *array = json_array_create_empty();

    for (size_t i = 0; i < c->n_lines; i++) {
        const struct check_line *line = &c->lines[i];
        struct json *j = json_object_create();

        json_object_put_string(j, "check", line->id);
        json_object_put_string(j, "level", level_names[line->level]);
        json_object_put_string(j, "text", line->text);
        json_object_put(j, "remedy", line->remedy
                        ? json_string_create(line->remedy)
                        : json_null_create());
        json_array_add(array, j);
    }
    json_object_put_string(json, "node", c->node ? c->node : "");
    json_object_put(json, "checks", array);
    for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
        json_object_put(json, level_names[i],
                        json_integer_create(counts[i]));
    }
    json_to_ds(json, settings.json_flags, ds);
    ds_put_char(ds, '\n');
    json_destroy(json);
}

void
cmd_check(struct ctl_context *ctx)
{
    struct check c = { .repair = (has_option(ctx, "--repair")
                                  && !settings.dry_run) };
    size_t counts[3] = { 0, 0, 0 };

    check_ovs(&c);
    check_database(&c);
    check_access(&c);
    check_pki(&c);
    check_tunnels(&c);
    check_ipsec(&c);
    check_host(&c);

    for (size_t i = 0; i < c.n_lines; i++) {
        counts[c.lines[i].level]++;
    }
    if (settings.json) {
        lines_to_json(&c, counts, &ctx->output);
    } else {
        format_lines(&c, counts, &ctx->output);
    }
    set_exit_code(counts[CHECK_FAIL] ? DTS_EXIT_REFUSED
                  : counts[CHECK_WARN] ? DTS_EXIT_PARTLY : DTS_EXIT_OK);

    for (size_t i = 0; i < c.n_lines; i++) {
        free(c.lines[i].id);
        free(c.lines[i].text);
        free(c.lines[i].remedy);
    }
    free(c.lines);
    free(c.bridge_name);
    free(c.node);
    free(c.remote);
    free(c.encap_ip);
    ovsdb_idl_destroy(c.ovs);
    ovsdb_idl_destroy(c.dts);
}
