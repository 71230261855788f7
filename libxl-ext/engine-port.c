/* SPDX-License-Identifier: Apache-2.0 */
/* The gate's end of the engine's protocol.
 *
 * The engine (xl-remus protect) decides when the guest resumes and when the
 * next checkpoint begins.  When it is gone, what waits for it goes on waiting:
 * nothing is let through because nobody forbids it. */

#include <config.h>

#include "engine-port.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util.h"

#define VARIABLE "DTS_ENGINE_FD"

void
engine_port_init(struct engine_port *port)
{
    const char *s = getenv(VARIABLE);
    int fd;

    memset(port, 0, sizeof *port);
    port->fd = -1;
    if (s && s[0]) {
        /* That it was to be there counts, also when it is not. */
        port->there = true;
        if (str_to_int(s, 10, &fd) && fd > STDERR_FILENO
            && fcntl(fd, F_SETFD, FD_CLOEXEC) != -1
            && fcntl(fd, F_SETFL, O_NONBLOCK) != -1) {
            port->fd = fd;
        }
        unsetenv(VARIABLE);
    }
}

static void
send_text(struct engine_port *port, const char *text)
{
    if (port->fd >= 0
        && send(port->fd, text, strlen(text), MSG_NOSIGNAL | MSG_EOR) < 0
        && errno != EINTR) {
        /* Also EAGAIN: it never has more than a few messages to read, so it
         * does not read any more. */
        close(port->fd);
        port->fd = -1;
    }
}

void
engine_port_tell(struct engine_port *port, const char *what, const char *arg)
{
    char text[64];

    snprintf(text, sizeof text, "%s %s", what, arg);
    send_text(port, text);
}

void
engine_port_tell_n(struct engine_port *port, const char *what, uint64_t n)
{
    char text[64];

    snprintf(text, sizeof text, "%s %"PRIu64, what, n);
    send_text(port, text);
}

bool
engine_port_ask(struct engine_port *port, enum engine_question question,
                uint64_t n)
{
    if (!port->there) {
        return false;
    }
    port->open = question;
    engine_port_tell_n(port, question == ENGINE_RESUME ? "resume?" : "next?",
                       n);
    return true;
}

enum engine_question
engine_port_run(struct engine_port *port)
{
    enum engine_question answered = ENGINE_NOTHING;
    char text[64];
    ssize_t n;

    if (port->fd < 0) {
        return ENGINE_NOTHING;
    }
    n = recv(port->fd, text, sizeof text - 1, MSG_DONTWAIT);
    if (n > 0) {
        text[n] = '\0';
        if (!strcmp(text, "go")) {
            answered = port->open;
            port->open = ENGINE_NOTHING;
        } else if (!strcmp(text, "stop")) {
            port->stop = true;
        }
    } else if (!n || (errno != EAGAIN && errno != EINTR)) {
        close(port->fd);
        port->fd = -1;
    }
    return answered;
}
