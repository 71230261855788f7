/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of libremusdts share: errors, the log, libxl. */

#include <config.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <xentoollog.h>

#include "remus-private.h"
#include "util.h"

void
remus_log(const struct remus_caller *caller, const char *format, ...)
{
    char line[512];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (caller->callbacks && caller->callbacks->log) {
        caller->callbacks->log(caller->aux, line);
    } else {
        fprintf(stderr, "%s: %s\n", program_name ? program_name : "remus-dts",
                line);
    }
}

int
remus_error(char **error, int code, const char *format, ...)
{
    va_list args;

    if (error) {
        free(*error);
        va_start(args, format);
        *error = xvasprintf(format, args);
        va_end(args);
    }
    return code;
}

int
remus_check_version(int version, char **error)
{
    /* (All versions so far differ in what callbacks are given only, at the end
     * of a struct.) */
    return (version >= 1 && version <= REMUS_DTS_VERSION ? 0
            : remus_error(error, DTS_EXIT_USAGE, "compiled with version %d of "
                          "remus-dts/remus.h, and this library is of version "
                          "%d: build it against this one", version,
                          REMUS_DTS_VERSION));
}

libxl_ctx *
remus_libxl_open(char **error)
{
    xentoollog_logger_stdiostream *log
        = xtl_createlogger_stdiostream(stderr, XTL_NOTICE,
                                       XTL_STDIOSTREAM_HIDE_PROGRESS);
    /* Other children than libxl's are none of its business. */
    static const libxl_childproc_hooks hooks = {
        .chldowner = libxl_sigchld_owner_libxl_always_selective_reap,
    };
    libxl_ctx *ctx = NULL;

    if (!log || libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0,
                                (xentoollog_logger *) log)) {
        remus_error(error, DTS_EXIT_NO_DATABASE, "Xen does not answer: this "
                    "must be run as root in domain 0, with xenstored running "
                    "(systemctl status xen)");
        return NULL;
    }
    libxl_childproc_setmode(ctx, &hooks, NULL);
    return ctx;
}
