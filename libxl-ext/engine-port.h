/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_ENGINE_PORT_H
#define DTS_ENGINE_PORT_H 1

/* The gate's end of the engine's protocol (docs/protocol.md, section 4): a
 * SOCK_SEQPACKET that the environment variable DTS_ENGINE_FD names, one text
 * message a packet. */

#include <stdbool.h>
#include <stdint.h>

enum engine_question {
    ENGINE_NOTHING,
    ENGINE_RESUME,              /* `resume? N` */
    ENGINE_NEXT,                /* `next? N` */
};

struct engine_port {
    int fd;                     /* -1: there is no engine, or none any more. */
    bool there;                 /* There was one: its answers are needed. */
    enum engine_question open;  /* Not answered yet. */
    bool stop;                  /* It said `stop`. */
};

/* From the environment; the descriptor is not passed on. */
void engine_port_init(struct engine_port *);
/* False if there is no engine: then there is nothing to wait for. */
bool engine_port_ask(struct engine_port *, enum engine_question, uint64_t n);
void engine_port_tell(struct engine_port *, const char *what, const char *arg);
void engine_port_tell_n(struct engine_port *, const char *what, uint64_t n);
/* Reads one message.  Returns the question that it answers. */
enum engine_question engine_port_run(struct engine_port *);

#endif /* engine-port.h */
