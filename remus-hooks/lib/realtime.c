/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of output that bypass the buffer (see realtime.h).
 *
 * What a class admits leaves before the standby holds the checkpoint that it
 * belongs to: after a failover the guest may have forgotten that it sent it.
 * That is harmless for a voice sample and harmful for nearly all else.  So a
 * class is a range of UDP ports and nothing wider.  TCP is refused: the peer
 * would keep an acknowledgement for data that the guest never saw.  So are
 * SIP's own ports: a call that was answered must not be forgotten.
 *
 * dts-ctl checks with this what an operator writes, and the buffer what it is
 * told to build. */

#include <config.h>

#include "realtime.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#define SIP_LOW 5060
#define SIP_HIGH 5061
#define EXAMPLE "for example rtp:10000-20000"

static const char *const media_names[] = { "udp", "rtp", "srtp" };

static bool
skip(const char **s, const char *prefix)
{
    size_t n = strlen(prefix);

    if (strncmp(*s, prefix, n)) {
        return false;
    }
    *s += n;
    return true;
}

/* A decimal number of at most five digits without a sign; false: none. */
static bool
scan(const char **s, int *n)
{
    size_t len = strspn(*s, "0123456789");

    if (!len || len > 5) {
        return false;
    }
    *n = atoi(*s);
    *s += len;
    return true;
}

char *
remus_class_parse(const char *text, struct remus_class *c)
{
    const char *s = text;
    int low, high, media;

    memset(c, 0, sizeof *c);
    c->to = skip(&s, "to:");
    if (!strncmp(s, "tcp:", 4)) {
        return xasprintf("real-time class \"%s\": TCP cannot bypass the "
                         "buffer, a connection would break at the first "
                         "failover: write udp: or rtp:, "EXAMPLE, text);
    }
    for (media = ARRAY_SIZE(media_names) - 1; media >= 0; media--) {
        size_t n = strlen(media_names[media]);

        if (!strncmp(s, media_names[media], n) && s[n] == ':') {
            s += n + 1;
            break;
        }
    }
    if (media < 0 || !scan(&s, &low)) {
        goto syntax;
    }
    high = low;
    if (skip(&s, "-") && !scan(&s, &high)) {
        goto syntax;
    }
    c->dscp = -1;
    if (skip(&s, "/dscp=") && (!scan(&s, &c->dscp) || c->dscp > 63)) {
        return xasprintf("real-time class \"%s\": dscp= is a number from 0 to "
                         "63, for example rtp:10000-20000/dscp=46", text);
    }
    if (*s) {
        goto syntax;
    }

    if (low < 1 || low > high || high > 65535) {
        return xasprintf("real-time class \"%s\": the ports must be 1 to "
                         "65535, the lower one first", text);
    }
    if (low <= SIP_HIGH && high >= SIP_LOW) {
        return xasprintf("real-time class \"%s\" contains SIP's ports %d and "
                         "%d: signalling has to be buffered: leave them out, "
                         EXAMPLE, text, SIP_LOW, SIP_HIGH);
    }
    c->media = media;
    c->low = low;
    c->high = high;
    return NULL;

syntax:
    return xasprintf("real-time class \"%s\": write udp:LOW-HIGH, "
                     "rtp:LOW-HIGH or srtp:LOW-HIGH, "EXAMPLE, text);
}

char *
remus_classes_check(const struct remus_class classes[], size_t n, bool unsafe)
{
    size_t i;

    if (n > REMUS_MAX_CLASSES) {
        return xasprintf("%"PRIuSIZE" real-time classes: there may be %d, "
                         "join their ranges", n, REMUS_MAX_CLASSES);
    }
    for (i = 0; i < n && !unsafe; i++) {
        if (classes[i].media == REMUS_MEDIA_SRTP) {
            char *s = remus_class_to_string(&classes[i]);
            char *error
                = xasprintf("real-time class \"%s\" is encrypted: a guest "
                            "that went back to its checkpoint would use the "
                            "same key stream twice, and give the call away: "
                            "say realtime-unsafe if that is accepted, or "
                            "leave it buffered", s);
            free(s);
            return error;
        }
    }
    return NULL;
}

char *
remus_class_to_string(const struct remus_class *c)
{
    char *dscp = c->dscp >= 0 ? xasprintf("/dscp=%d", c->dscp) : xstrdup("");
    char *high = c->high != c->low ? xasprintf("-%d", c->high) : xstrdup("");
    char *s = xasprintf("%s%s:%d%s%s", c->to ? "to:" : "",
                        media_names[c->media], c->low, high, dscp);

    free(dscp);
    free(high);
    return s;
}
