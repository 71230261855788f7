/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CHILD_H
#define DTS_CHILD_H 1

/* xl's receiver: a process whose stdin and stdout are one TCP connection over
 * the loopback interface, so that its stream can end with a reset. */

#include <stdbool.h>
#include <sys/types.h>

struct child {
    pid_t pid;
    int pidfd;
    int fd;                     /* Our end; -1 once it is closed. */
    bool ended;
    int status;                 /* Exit status, or 128 + signal. */
};

/* Runs 'command' by the shell, with 'env' ("NAME=VALUE", NULL at the end)
 * added to its environment and stderr appended to the file 'log' (NULL:
 * ours).  'humble': it gives way to all others, as to CPU and memory.  Returns
 * 0 or an errno. */
int child_start(struct child *, const char *command, const char *const env[],
                const char *log, bool humble);
/* True once it has ended. */
bool child_ended(struct child *);
void child_wait(const struct child *);

/* Bytes that were written to it and that it has not got yet. */
int child_unsent(const struct child *);
/* Ends its stream: it gets ECONNRESET once it has read what was sent. */
void child_reset(struct child *);

#endif /* child.h */
