/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_PLOT_H
#define DTS_PLOT_H 1

/* Jitter over time as a picture. */

#include <stdbool.h>
#include <stddef.h>

struct capture;
struct ds;

/* Can 'file' be drawn?  Its name must end in .png or .svg. */
bool plot_file_is_supported(const char *file);

/* Appends gnuplot's commands and data that draw the captures into 'file'. */
void plot_format(const struct capture *, size_t n, const char *file,
                 const char *title, struct ds *);

/* Draws them.  Returns NULL or an error message to be freed. */
char *plot_draw(const struct capture *, size_t n, const char *file,
                const char *title);

#endif /* plot.h */
