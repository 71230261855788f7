/* SPDX-License-Identifier: Apache-2.0 */
/* A domain with its owner, its standby and two gateways: see the header. */

#include <config.h>

#include "binding-fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "util.h"

void
fixture_set(char **s, const char *value)
{
    free(*s);
    *s = xstrdup(value);
}

int
fixture_setup(void **state)
{
    struct fixture *x = xzalloc(sizeof *x);
    struct dts_network *n;

    x->view = dts_view_create_empty("A");
    dts_view_add_node(x->view, "A", 1, DTS_ROLE_SERVER, "10.0.0.1");
    dts_view_add_node(x->view, "B", 2, DTS_ROLE_SERVER, "10.0.0.2");
    dts_view_add_node(x->view, "gw1", 3, DTS_ROLE_GATEWAY, "10.0.0.3");
    dts_view_add_node(x->view, "gw2", 4, DTS_ROLE_GATEWAY, "10.0.0.4");
    n = dts_view_add_network(x->view, "voice", 10);
    n->ports = xcalloc(2, sizeof *n->ports);
    n->n_ports = 2;
    assert_null(dts_client_port_parse("gw1:eth1", &n->ports[0]));
    assert_null(dts_client_port_parse("gw2:eth1:7", &n->ports[1]));

    x->d = dts_view_add_domain(x->view, "voip", n);
    x->d->has_binding = true;
    fixture_set(&x->d->owner, "A");
    fixture_set(&x->d->standby, "B");
    x->d->generation = 5;
    x->d->state = DTS_ALONE;
    dts_view_resolve(x->view);
    x->f = (struct binding_facts) {
        .guest = GUEST_RUNNING,
        .guest_seen = true,
        .send_session = "",
        .recv_session = "",
        .failover_auto = true,
        .fenced = true,
        .hold_ms = BINDING_NO_HOLD,
    };
    *state = x;
    return 0;
}

int
fixture_teardown(void **state)
{
    struct fixture *x = *state;

    dts_view_destroy(x->view);
    free(x);
    return 0;
}

void
be(struct fixture *x, enum dts_state state, const char *session)
{
    x->d->state = state;
    fixture_set(&x->d->session, session);
}

enum binding_event
event_on(struct fixture *x, const char *self)
{
    return binding_event(x->d, binding_role(x->d, self), &x->f);
}
