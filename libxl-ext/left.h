/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_LEFT_H
#define DTS_LEFT_H 1

/* An output buffer that an `xl-remus protect` of this domain left, which has
 * died: may what it holds leave? */

#include <stdbool.h>
#include <stdint.h>

struct json;

/* Is there one? */
bool left_buffer(uint32_t domid);

/* Pure: as the agent's `status` has it.  Returns NULL if what is held may
 * leave, else why not (to be freed). */
char *left_problem(const struct json *status);

/* Asks the agent, and again for a little, until it may: the domain may be
 * about to be committed to this node alone.  Returns as above. */
char *left_wait(const char *domain);

#endif /* left.h */
