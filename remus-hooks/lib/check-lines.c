/* SPDX-License-Identifier: Apache-2.0 */
/* What a check finds: see the header. */

#include <config.h>

#include "check-lines.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "remus-dts/exit.h"
#include "util.h"

static const char *const level_names[] = { "ok", "warn", "fail" };
BUILD_ASSERT_DECL(ARRAY_SIZE(level_names) == CHECK_N_LEVELS);

void
check_lines_init(struct check_lines *c, const char *node)
{
    memset(c, 0, sizeof *c);
    c->node = node;
}

void
check_lines_uninit(struct check_lines *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->lines[i].id);
        free(c->lines[i].node);
        free(c->lines[i].text);
        free(c->lines[i].remedy);
    }
    free(c->lines);
    c->lines = NULL;
    c->n = 0;
}

void
check_add(struct check_lines *c, enum check_level level, const char *id,
          const char *node, char *remedy, char *text)
{
    c->lines = xrealloc(c->lines, (c->n + 1) * sizeof *c->lines);
    c->lines[c->n++] = (struct check_line) {
        .level = level,
        .id = xstrdup(id),
        .node = nullable_xstrdup(node),
        .text = text,
        .remedy = remedy,
    };
}

void
check_ok(struct check_lines *c, const char *id, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    check_add(c, CHECK_OK, id, c->node, NULL, xvasprintf(format, args));
    va_end(args);
}

void
check_bad(struct check_lines *c, enum check_level level, const char *id,
          char *remedy, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    check_add(c, level, id, c->node, remedy, xvasprintf(format, args));
    va_end(args);
}

void
check_lines_set_node(struct check_lines *c, const char *node)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->lines[i].node);
        c->lines[i].node = xstrdup(node);
    }
    c->node = node;
}

size_t
check_count(const struct check_lines *c, enum check_level level)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++) {
        n += c->lines[i].level == level;
    }
    return n;
}

bool
check_level_from_name(const char *name, enum check_level *level)
{
    for (size_t i = 0; i < CHECK_N_LEVELS; i++) {
        if (!strcmp(name, level_names[i])) {
            *level = i;
            return true;
        }
    }
    return false;
}

int
check_exit_code(const struct check_lines *c)
{
    return (check_count(c, CHECK_FAIL) ? DTS_EXIT_REFUSED
            : check_count(c, CHECK_WARN) ? DTS_EXIT_PARTLY : DTS_EXIT_OK);
}

void
check_format(const struct check_lines *c, struct ds *ds)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct check_line *line = &c->lines[i];

        ds_put_format(ds, "%-4s  %-12s %s%s%s\n", level_names[line->level],
                      line->id, line->node ? line->node : "",
                      line->node && line->node[0] ? ": " : "", line->text);
        if (line->remedy) {
            ds_put_format(ds, "%20s-> %s\n", "", line->remedy);
        }
    }
    ds_put_format(ds, "%"PRIuSIZE" ok, %"PRIuSIZE" warnings, %"PRIuSIZE" "
                  "failures\n", check_count(c, CHECK_OK),
                  check_count(c, CHECK_WARN), check_count(c, CHECK_FAIL));
}

struct json *
check_lines_to_json(const struct check_lines *c)
{
    struct json *array = json_array_create_empty();

    for (size_t i = 0; i < c->n; i++) {
        const struct check_line *line = &c->lines[i];
        struct json *j = json_object_create();

        json_object_put_string(j, "check", line->id);
        json_object_put_string(j, "level", level_names[line->level]);
        if (line->node) {
            json_object_put_string(j, "node", line->node);
        }
        json_object_put_string(j, "text", line->text);
        json_object_put(j, "remedy", line->remedy
                        ? json_string_create(line->remedy)
                        : json_null_create());
        json_array_add(array, j);
    }
    return array;
}

void
check_lines_put(const struct check_lines *c, struct json *o)
{
    json_object_put(o, "checks", check_lines_to_json(c));
    for (size_t i = 0; i < CHECK_N_LEVELS; i++) {
        json_object_put(o, level_names[i],
                        json_integer_create(check_count(c, i)));
    }
}

char *
check_printable(const char *s, size_t max)
{
    char *copy = xmemdup0(s, strnlen(s, max));

    for (char *p = copy; *p; p++) {
        unsigned char c = *p;

        /* All that is sent here is ASCII, but for names of files. */
        if (c < 0x20 || c >= 0x7f) {
            *p = '?';
        }
    }
    return copy;
}
