/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CAPTURE_H
#define DTS_CAPTURE_H 1

/* Where packets come from: a file or an interface, by libpcap. */

#include <stdint.h>
#include <stdio.h>

struct stream_table;

/* How it ended.  Except for CAPTURE_OK there is an error message. */
enum capture_result {
    CAPTURE_OK,
    CAPTURE_PARTIAL,            /* The file is cut off; the rest is good. */
    CAPTURE_NOT_FOUND,          /* No such file or interface. */
    CAPTURE_FAILED,             /* Not a capture, or not of a kind we know. */
};

/* Reads 'path' ("-": standard input) into 'table'.  'filter' is a pcap-filter(7)
 * expression or NULL.  '*error' must be freed. */
enum capture_result capture_file(const char *path, const char *filter,
                                 struct stream_table *table, char **error);

/* The same from 'stream', which it closes, and which is called 'path'. */
enum capture_result capture_stream(FILE *stream, const char *path,
                                   const char *filter, struct stream_table *,
                                   char **error);

/* Listens on 'iface' for 'duration' seconds (0: for ever) or until SIGINT or
 * SIGTERM.  '*dropped' is the number of packets that the kernel could not keep
 * for us. */
enum capture_result capture_live(const char *iface, const char *filter,
                                 double duration, struct stream_table *table,
                                 unsigned int *dropped, char **error);

#endif /* capture.h */
