/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BINDING_FIXTURE_H
#define BINDING_FIXTURE_H 1

/* What the tests of the binding begin with. */

#include "binding.h"

/* A domain "voip" of network "voice" with gateways gw1 and gw2, owned by A,
 * with B as its standby. */
struct fixture {
    struct dts_view *view;
    struct dts_domain *d;
    struct binding_facts f;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Puts a copy of 'value' in the place of '*s'. */
void fixture_set(char **s, const char *value);
/* The binding is in 'state', with 'session'. */
void be(struct fixture *, enum dts_state, const char *session);
/* The event that the facts give on 'self'. */
enum binding_event event_on(struct fixture *, const char *self);

#endif /* binding-fixture.h */
