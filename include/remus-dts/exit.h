/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMUS_DTS_EXIT_H
#define REMUS_DTS_EXIT_H 1

/* The exit status of every program of remus-dts, and the "code" of an error
 * that the agent answers. */
enum dts_exit {
    DTS_EXIT_OK = 0,
    DTS_EXIT_USAGE = 1,         /* Not understood, or cannot be. */
    DTS_EXIT_NOT_FOUND = 2,     /* No such domain, node, network, ... */
    DTS_EXIT_REFUSED = 3,       /* Refused as unsafe. */
    DTS_EXIT_NO_DATABASE = 4,   /* What it depends on does not answer: a
                                 * database, the agent, xenstore, Xen. */
    DTS_EXIT_TIMEOUT = 5,
    DTS_EXIT_PARTLY = 6,        /* Not done, or only partly. */
    DTS_EXIT_SKIPPED = 77,      /* A test that cannot run here. */
};

#endif /* remus-dts/exit.h */
