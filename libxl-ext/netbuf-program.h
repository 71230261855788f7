/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMUS_NETBUF_PROGRAM_H
#define REMUS_NETBUF_PROGRAM_H 1

/* remus-netbuf-dts, which knows Open vSwitch, run to its end. */

/* Runs it with 'argv' (argv[0] is set here); NULL, or what it said when it
 * failed, to be freed. */
char *netbuf_program_run(const char *argv[]);

#endif /* netbuf-program.h */
