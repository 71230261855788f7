/* SPDX-License-Identifier: Apache-2.0 */
/* What a check finds: see the header. */

#include <config.h>

#include "check-lines.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "check-wire.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "remus-dts/exit.h"
#include "util.h"

static const char *const level_names[] = { "ok", "warn", "fail" };

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

static void
add_line(struct check_lines *c, enum check_level level, const char *id,
         const char *node, char *remedy, char *text)
{
    c->lines = xrealloc(c->lines, (c->n + 1) * sizeof *c->lines);
    c->lines[c->n++] = (struct check_line) {
        .level = level,
        .id = xstrdup(id),
        .node = xstrdup(node),
        .text = text,
        .remedy = remedy,
    };
}

void
check_ok(struct check_lines *c, const char *id, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_line(c, CHECK_OK, id, c->node, NULL, xvasprintf(format, args));
    va_end(args);
}

void
check_bad(struct check_lines *c, enum check_level level, const char *id,
          char *remedy, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_line(c, level, id, c->node, remedy, xvasprintf(format, args));
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
                      line->id, line->node, line->node[0] ? ": " : "",
                      line->text);
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
        json_object_put_string(j, "node", line->node);
        json_object_put_string(j, "text", line->text);
        json_object_put(j, "remedy", line->remedy
                        ? json_string_create(line->remedy)
                        : json_null_create());
        json_array_add(array, j);
    }
    return array;
}

const char *
check_lines_lack(const struct check_lines *c, size_t from)
{
    if (from >= c->n) {
        return "the answer lacks everything";
    }
    for (size_t i = from; i < c->n; i++) {
        if (c->lines[i].level == CHECK_FAIL
            || !strcmp(c->lines[i].id, "binding")) {
            return NULL;
        }
    }
    return "the answer lacks the line about the binding";
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

const char *
check_lines_from_json(struct check_lines *c, const char *node,
                      const struct json *array)
{
    if (!array || array->type != JSON_ARRAY) {
        return "the lines are no array";
    }
    for (size_t i = 0; i < json_array(array)->n; i++) {
        const struct json *line = json_array(array)->elems[i];
        const char *id, *name, *text, *remedy;
        enum check_level level = 0;
        char *id_copy;

        if (i >= CHECK_MAX_LINES) {
            return "there are too many lines";
        }
        if (line->type != JSON_OBJECT) {
            return "a line is no object";
        }
        id = check_string(line, "check");
        name = check_string(line, "level");
        text = check_string(line, "text");
        remedy = check_string(line, "remedy");
        while (level < CHECK_N_LEVELS
               && strcmp(name, level_names[level])) {
            level++;
        }
        if (!id[0] || level == CHECK_N_LEVELS || !text[0]
            || (level == CHECK_OK) != !remedy[0]) {
            return "a line lacks something";
        }
        id_copy = check_printable(id, 32);
        add_line(c, level, id_copy, node,
                 remedy[0] ? check_printable(remedy, CHECK_MAX_TEXT) : NULL,
                 check_printable(text, CHECK_MAX_TEXT));
        free(id_copy);
    }
    return NULL;
}
