/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CHECK_LINES_H
#define DTS_CHECK_LINES_H 1

/* What a check finds, line by line, as `dts-ctl check` and `xl-remus check`
 * say it: a level, an area, a sentence and, unless all is well, what to do.
 *
 * Pure. */

#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/compiler.h"

struct ds;
struct json;

enum check_level { CHECK_OK, CHECK_WARN, CHECK_FAIL };
#define CHECK_N_LEVELS 3
bool check_level_from_name(const char *, enum check_level *);

/* Of the lines of another node: more, or longer, is not taken. */
#define CHECK_MAX_LINES 256
#define CHECK_MAX_TEXT 1024

struct check_line {
    enum check_level level;
    char *id;                   /* "memory" */
    char *node;                 /* Whose; "": of neither alone; NULL: there
                                 * is but one. */
    char *text;
    char *remedy;               /* NULL for CHECK_OK. */
};

struct check_lines {
    const char *node;           /* Of the lines that are added, or NULL. */
    struct check_line *lines;
    size_t n;
};

void check_lines_init(struct check_lines *, const char *node);
void check_lines_uninit(struct check_lines *);

/* All is well about 'id'. */
void check_ok(struct check_lines *, const char *id, const char *format, ...)
    OVS_PRINTF_FORMAT(3, 4);
/* Something is not; 'remedy' is taken over. */
void check_bad(struct check_lines *, enum check_level, const char *id,
               char *remedy, const char *format, ...)
    OVS_PRINTF_FORMAT(5, 6);

/* A line of 'node'; 'remedy' (NULL for CHECK_OK) and 'text' are taken over. */
void check_add(struct check_lines *, enum check_level, const char *id,
               const char *node, char *remedy, char *text);

/* The lines so far are of 'node', too, from now on. */
void check_lines_set_node(struct check_lines *, const char *node);

size_t check_count(const struct check_lines *, enum check_level);
/* By the worst line. */
int check_exit_code(const struct check_lines *);

/* For people. */
void check_format(const struct check_lines *, struct ds *);
/* An array of objects: the lines alone. */
struct json *check_lines_to_json(const struct check_lines *);
/* The same as member "checks" of 'o', and how many there are of each level. */
void check_lines_put(const struct check_lines *, struct json *o);

/* 's', with what a terminal might obey as '?', and cut to 'max' bytes; to be
 * freed. */
char *check_printable(const char *s, size_t max);

#endif /* check-lines.h */
