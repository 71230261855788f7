/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_REMUS_PRIVATE_H
#define DTS_REMUS_PRIVATE_H 1

/* What the parts of libremusdts call each other. */

#include <libxl.h>

#include "openvswitch/compiler.h"
#include "remus-dts/remus.h"

/* Calls a callback, if there is one. */
#define REMUS_CALL(CB, NAME, ...)                       \
    do {                                                \
        if ((CB)->callbacks && (CB)->callbacks->NAME) { \
            (CB)->callbacks->NAME((CB)->aux, ##__VA_ARGS__); \
        }                                               \
    } while (0)

struct remus_caller {
    const struct remus_dts_callbacks *callbacks;
    void *aux;
};

/* To the caller's log, else to stderr. */
void remus_log(const struct remus_caller *, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);
/* Sets '*error' (if it is not NULL) and returns 'code'. */
int remus_error(char **error, int code, const char *format, ...)
    OVS_PRINTF_FORMAT(3, 4);
/* What the caller was compiled with: 0, or an exit status and why. */
int remus_check_version(int version, char **error);
/* Opens libxl; what it logs goes to stderr. */
libxl_ctx *remus_libxl_open(char **error);

#endif /* remus-private.h */
