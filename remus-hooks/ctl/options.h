/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CTL_OPTIONS_H
#define DTS_CTL_OPTIONS_H 1

#include <getopt.h>
#include <stdbool.h>

#include "table.h"

struct shash;

/* The options of dts-ctl itself. */
extern const struct option global_options[];

/* What only main.c needs of them (the rest is in 'settings'). */
struct ctl_options {
    struct table_style style;
    bool oneline;
    bool unsafe;
};

/* Parses the options, also those of the first command (into 'local'); returns
 * the index of the first word that is none. */
int parse_options(int argc, char *argv[], struct shash *local,
                  struct ctl_options *);

#endif /* options.h */
