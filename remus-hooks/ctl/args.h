/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CTL_ARGS_H
#define DTS_CTL_ARGS_H 1

#include <getopt.h>

#include "db-ctl-base.h"
#include "svec.h"

char *arrange_arguments(char *argv[], const struct option *global,
                        const struct ctl_command_syntax *const own[],
                        struct svec *arranged);

#endif /* args.h */
