/* SPDX-License-Identifier: Apache-2.0 */
/* dts-link's events: see the header. */

#include <config.h>

#include "link-event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* The next word of '*s', a copy in 'word'; false: there is none, or it is too
 * long. */
static bool
word(const char **s, char *word, size_t size)
{
    size_t n;

    *s += strspn(*s, " ");
    n = strcspn(*s, " ");
    if (!n || n >= size) {
        return false;
    }
    ovs_strzcpy(word, *s, MIN(n + 1, size));
    *s += n;
    return true;
}

static bool
number(const char **s, uint64_t *x)
{
    char text[24], *end;

    if (!word(s, text, sizeof text)
        || strspn(text, "0123456789") != strlen(text)) {
        return false;
    }
    errno = 0;
    *x = strtoull(text, &end, 10);
    return !errno;
}

static void
rest(const char *s, char *text, size_t size)
{
    s += strspn(s, " ");
    ovs_strzcpy(text, s, MIN(strlen(s) + 1, size));
    if (strlen(s) >= size) {
        text[size - 1] = '\0';
    }
}

static enum link_event_type
parse(const char *s, struct link_event *ev)
{
    char what[16], more[16];

    if (!word(&s, what, sizeof what)) {
        return LINK_UNKNOWN;
    }
    if (!strcmp(what, "session")) {
        return (word(&s, ev->session, sizeof ev->session)
                && number(&s, &ev->n) && word(&s, ev->text, sizeof ev->text)
                ? LINK_SESSION : LINK_UNKNOWN);
    } else if (!strcmp(what, "sent")) {
        if (!number(&s, &ev->n) || !number(&s, &ev->raw)
            || !number(&s, &ev->wire)) {
            return LINK_UNKNOWN;
        }
        if (!number(&s, &ev->pages)) {
            ev->pages = 0;
        }
        return LINK_SENT;
    } else if (!strcmp(what, "ack")) {
        return (number(&s, &ev->n) && number(&s, &ev->us) ? LINK_ACK
                : LINK_UNKNOWN);
    } else if (!strcmp(what, "suspect")) {
        rest(s, ev->text, sizeof ev->text);
        return LINK_SUSPECT;
    } else if (!strcmp(what, "unsuspect")) {
        return LINK_UNSUSPECT;
    } else if (!strcmp(what, "verdict")) {
        if (!word(&s, more, sizeof more)) {
            return LINK_UNKNOWN;
        }
        rest(s, ev->text, sizeof ev->text);
        return (!strcmp(more, "alone") ? LINK_ALONE
                : !strcmp(more, "taken") ? LINK_TAKEN : LINK_UNKNOWN);
    } else if (!strcmp(what, "refused") || !strcmp(what, "end")) {
        if (!number(&s, &ev->n)) {
            return LINK_UNKNOWN;
        }
        rest(s, ev->text, sizeof ev->text);
        return what[0] == 'r' ? LINK_REFUSED : LINK_END;
    } else if (!strcmp(what, "lost")) {
        return number(&s, &ev->n) ? LINK_LOST : LINK_UNKNOWN;
    }
    return LINK_UNKNOWN;
}

void
link_event_parse(const char *line, struct link_event *ev)
{
    memset(ev, 0, sizeof *ev);
    ev->type = parse(line, ev);
}

char *
link_lines_room(struct link_lines *l, size_t *n)
{
    if (l->len == sizeof l->data) {
        /* No line of ours is so long: what follows up to its end is none. */
        l->len = 0;
        l->skip = true;
    }
    *n = sizeof l->data - l->len;
    return l->data + l->len;
}

void
link_lines_put(struct link_lines *l, size_t n)
{
    l->len += n;
}

const char *
link_lines_next(struct link_lines *l, size_t *ofs)
{
    for (;;) {
        char *line = l->data + *ofs;
        char *end = memchr(line, '\n', l->len - *ofs);

        if (!end) {
            l->len -= *ofs;
            memmove(l->data, line, l->len);
            *ofs = 0;
            return NULL;
        }
        *end = '\0';
        *ofs += end + 1 - line;
        if (!l->skip && !memchr(line, '\0', end - line)) {
            return line;
        }
        l->skip = false;
    }
}
