/* SPDX-License-Identifier: Apache-2.0 */
/* How a hotplug program says what went wrong: see the header. */

#include <config.h>

#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "util.h"

void
say(int priority, const char *format, ...)
{
    va_list ap;
    char *s;

    va_start(ap, format);
    s = xvasprintf(format, ap);
    va_end(ap);
    fprintf(stderr, "%s: %s\n", program_name, s);
    openlog(program_name, LOG_PID, LOG_DAEMON);
    syslog(priority, "%s", s);
    closelog();
    free(s);
}
