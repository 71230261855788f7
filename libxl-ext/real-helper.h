/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_REAL_HELPER_H
#define DTS_REAL_HELPER_H 1

#include <sys/types.h>

/* Xen's own libxl-save-helper: where it is, and running it. */

/* Its path, to be freed, or NULL. */
char *real_helper_path(void);

struct real_helper {
    pid_t pid;
    int in, out;                /* Its stdin (we write) and stdout. */
};

/* Starts 'path' with 'argv'; its other descriptors are those of this process,
 * its signal mask is '*mask'.  It dies with this process.  Returns 0 or an
 * errno. */
int real_helper_start(const char *path, char *argv[], const void *mask,
                      struct real_helper *);

/* Bytes that 'pid' has written so far, -1 if that is not to be known. */
long long int real_helper_written(pid_t pid);

#endif /* real-helper.h */
