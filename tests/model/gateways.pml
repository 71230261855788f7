/* SPDX-License-Identifier: Apache-2.0 */

/* Two gateways on one client segment, and what a receipt is worth.
 *
 * takeover.pml takes one gateway, and takes for granted that its receipt means
 * "nothing of another generation's owner passes, cached flows included", and
 * that without a receipt nobody resumes.  Here is the inside of that, for two
 * gateways and one takeover after another, with clocks: node 0 and node 1 take
 * turns as the owner; the one that was the owner goes on sending for ever
 * (nothing but the gateways stops it); the new one sends once binding_fenced()
 * would let it resume.  A gateway may
 *
 *    lose the database, and find it again, at any time; it believes in it for
 *        up to DETECT after that (twice the probe interval of its session);
 *    stop (its agent, its whole host), for any time, and go on;
 *    lose its agent, and get a new one, which knows the database, the switch
 *        and the highest generation seen;
 *    take any time to program its switch, and any to revalidate (that long the
 *        cached flows of before forward).
 *
 * With switching=port (PORT=1) the old owner's frames pass until its port is
 * gone, which ovs-vswitchd does in its own time.
 *
 * With CLOSED=1 (on_database_loss=closed) its admission flows end LEASE after
 * they were last renewed, which is done only while the database is believed
 * in; and the survivor counts a silent gateway as fenced WAIT after it saw the
 * grant.  Time is discrete: a tick passes for all together, and only when
 * nobody must do something first (a flow that is over its time goes within
 * EXPIRY ticks).  The survivor's clock may be slow, never fast: it counts from
 * when it saw the grant, later than the commit.
 *
 * Checked:
 *    ONE     at no gateway, and so for no client, the frames of two nodes
 *            pass: of the node that has resumed, and of any other.
 *    CARRIES (-DLIVE) a granted copy is served by a gateway that lives, in the
 *            end; with CLOSED=1 also while the other one is silent for ever.
 *
 * Gateways share nothing but the database, so -DONE (a single one) is enough
 * for what happens at one of them: it is used where the clock makes two many.
 *
 * What this shows of the numbers: WAIT must be at least LEASE +
 * DETECT + STOPPED_LONG + 2 * EXPIRY: remus-hooks/lib/binding.h
 * (BINDING_LEASE_SLACK_MS) has the same sum.
 */

#define OTHER(x) (1 - (x))

#ifndef CLOSED
#define CLOSED 0
#endif
#ifndef PORT
#define PORT 0                  /* Network.switching=port */
#endif
#ifndef MOVES
#define MOVES 2                 /* Takeovers. */
#endif
#ifndef STOPS
#define STOPS 1                 /* Of gateways' hosts or agents. */
#endif
#ifndef CUTS
#define CUTS 1
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif

/* In ticks.  The ratios are what matters: PROBE_INTERVAL_MS is 2 s, the lease
 * 3 s, and ofproto looks for expired flows about once a second. */
#define LEASE 2
#define DETECT 2
#define EXPIRY 1
#define STOPPED_LONG 1          /* db.c: a stop of more than that is noticed. */
#ifdef MUTANT_SHORT_WAIT
#define WAIT (2 * LEASE)
#else
#define WAIT (LEASE + DETECT + STOPPED_LONG + 2 * EXPIRY + 1)   /* Rounded up. */
#endif

typedef gateway_t {
    bit cut;                    /* Off the database. */
    bit runs;                   /* Its agent, not stopped. */
    bit believes;               /* That it is connected. */
    byte silent;                /* Ticks since the database was heard. */
    byte gap;                   /* Ticks since the agent ran. */
    unsigned gen : 3;           /* Followed, and programmed. */
    unsigned receipt : 3;       /* In Fence.generations, as committed. */
    bit ports;                  /* The old one's port is to go. */
    bit flows[2];               /* Admits this node... */
    bit cache[2];               /* ...or has a cached flow that does. */
    byte left;                  /* Ticks until the flows end. */
    byte over;                  /* Ticks that their end is late... */
    byte age;                   /* ...or that of a cached one. */
};

gateway_t g[2];
unsigned gen : 3 = 1;           /* Binding.generation; the owner is odd(gen). */
bit resumed = 1;                /* The owner has. */
byte waited;                    /* Ticks since it saw the grant. */
bit saw;                        /* It has seen it. */
unsigned moves : 2 = MOVES;
unsigned stops : 2 = STOPS;
unsigned cuts : 2 = CUTS;
unsigned restarts : 2 = RESTARTS;

#define OWNER_OF(gen) (((gen) + 1) % 2)
#define PASSES(x, who) (g[x].flows[who] || g[x].cache[who])

/* Has the survivor a right to go on?  binding_fenced(). */
#ifdef ONE
#define GATEWAYS 1
#else
#define GATEWAYS 2
#endif
#ifdef MUTANT_ONE_RECEIPT
#define FENCED_BY(x) (g[0].receipt == gen || g[1].receipt == gen)
#else
#define FENCED_BY(x) (g[x].receipt == gen || CLOSED && waited >= WAIT)
#endif

inline check() {
    assert(!(resumed && PASSES(0, OTHER(OWNER_OF(gen)))));      /* ONE */
    assert(!(resumed && PASSES(1, OTHER(OWNER_OF(gen)))))
}

#ifdef MUTANT_STOPPED_BELIEVES
#define LOOKED(x) true
#else
#define LOOKED(x) (!g[x].gap)
#endif
#ifdef MUTANT_BARRIER_IS_FENCE
#define REVALIDATED(x) true
#else
#define REVALIDATED(x) (!g[x].cache[OTHER(OWNER_OF(gen))])
#endif
#ifdef MUTANT_PORTS_UNAWAITED
#define SETTLED(x) true
#else
#define SETTLED(x) (!g[x].ports)
#endif
#define OLD_CACHE(x) (g[x].cache[0] && !g[x].flows[0] || \
                      g[x].cache[1] && !g[x].flows[1])

#define CONNECTED(x) (!g[x].cut && g[x].runs)

inline renew(x) {
    g[x].left = LEASE; g[x].over = 0;
    g[x].flows[OWNER_OF(g[x].gen)] = 1
}

proctype gateway(bit me) {
    do
    /* It hears the database, and follows: one bundle, old out, new in.  Cached
     * flows of the old one remain. */
    :: atomic { CONNECTED(me) && (!g[me].believes || g[me].silent ||
                                  g[me].gap || g[me].gen != gen) ->
        g[me].believes = 1; g[me].silent = 0; g[me].gap = 0;
        if
        :: g[me].gen != gen ->
#if PORT
           g[me].ports = 1;
#else
           g[me].cache[OWNER_OF(g[me].gen)] = PASSES(me, OWNER_OF(g[me].gen));
           g[me].flows[OWNER_OF(g[me].gen)] = 0;
#endif
           g[me].age = 0;
           g[me].gen = gen;
           renew(me)
        :: else
        fi;
        check() }
    /* With switching=port the old owner's frames pass until ovs-vswitchd has
     * taken its port away. */
    :: atomic { g[me].ports ->
        g[me].ports = 0;
        g[me].cache[OTHER(OWNER_OF(g[me].gen))] =
            PASSES(me, OTHER(OWNER_OF(g[me].gen)));
        g[me].flows[OTHER(OWNER_OF(g[me].gen))] = 0;
        g[me].age = 0 }
    /* The lease is renewed on belief. */
    :: atomic { CLOSED && g[me].runs && g[me].believes &&
                (g[me].left < LEASE || !g[me].flows[OWNER_OF(g[me].gen)]) &&
                LOOKED(me) ->
        renew(me);
        check() }
    /* A stopped agent that goes on looks at the clock first: after a gap it
     * believes in nothing until it has heard again. */
    :: atomic { g[me].runs && g[me].gap ->
        if
        :: g[me].gap > STOPPED_LONG && !LOOKED(me) -> g[me].believes = 0
        :: else
        fi;
        g[me].gap = 0;
        check() }
    :: atomic { g[me].runs && g[me].believes && g[me].silent >= DETECT &&
                g[me].cut ->
        g[me].believes = 0 }
    /* The revalidators pass. */
    :: atomic { OLD_CACHE(me) ->
        g[me].cache[0] = 0; g[me].cache[1] = 0; g[me].age = 0 }
    /* The receipt. */
    :: atomic { CONNECTED(me) && g[me].believes && g[me].gen == gen &&
                g[me].receipt != gen && SETTLED(me) && REVALIDATED(me) ->
        g[me].receipt = gen;
        check() }
    /* The flows end. */
    :: atomic { CLOSED && !g[me].left && g[me].flows[OWNER_OF(g[me].gen)] ->
        g[me].cache[OWNER_OF(g[me].gen)] = 1;
        g[me].flows[OWNER_OF(g[me].gen)] = 0;
        g[me].age = g[me].over }
    od
}

proctype survivor() {
    do
    :: atomic { moves && resumed ->
        moves--;
        gen++; resumed = 0; saw = 0; waited = 0;
        check() }
    :: atomic { !resumed && !saw -> saw = 1 }
    :: atomic { !resumed && saw && FENCED_BY(0) &&
                (GATEWAYS == 1 || FENCED_BY(1)) ->
        resumed = 1; waited = 0;
        check() }
    od
}

/* Time passes unless something is due: a session that is silent for too long
 * is noticed by an agent that runs, an old flow goes, cached ones too. */
#define DUE(x) ((g[x].runs && g[x].believes && g[x].cut && \
                 g[x].silent >= DETECT) || \
                (g[x].runs && !g[x].cut && g[x].silent >= DETECT) || \
                (g[x].runs && g[x].gap) || \
                (CLOSED && !g[x].left && g[x].over >= EXPIRY && \
                 g[x].flows[OWNER_OF(g[x].gen)]) || \
                (OLD_CACHE(x) && g[x].age >= EXPIRY))

#define CAP(v, max) ((v) < (max) -> (v) + 1 : (v))

inline tick_of(x) {
    g[x].silent = (g[x].cut || !g[x].runs || g[x].gen != gen ->
                   CAP(g[x].silent, DETECT) : 0);
    g[x].gap = (g[x].runs -> 0 : CAP(g[x].gap, STOPPED_LONG + 1));
    if
    :: CLOSED && !g[x].left -> g[x].over = CAP(g[x].over, EXPIRY)
    :: CLOSED && g[x].left -> g[x].left--
    :: else
    fi;
    g[x].age = (OLD_CACHE(x) -> CAP(g[x].age, EXPIRY) : 0)
}

proctype clock() {
    do
    :: atomic { CLOSED && !DUE(0) && (GATEWAYS == 1 || !DUE(1)) ->
        tick_of(0);
#ifndef ONE
        tick_of(1);
#endif
        waited = (saw && !resumed -> CAP(waited, WAIT) : 0);
        check() }
    od
}

inline faults_of(x) {
    if
    :: atomic { cuts && !g[x].cut -> cuts--; g[x].cut = 1 }
    :: atomic { stops && g[x].runs -> stops--; g[x].runs = 0 }
#ifndef LIVE
    :: atomic { g[x].cut -> g[x].cut = 0 }
    :: atomic { !g[x].runs -> g[x].runs = 1 }
#endif
    /* The agent is restarted: it believes in nothing until it has read, and
     * its flows are those that the switch has. */
    :: atomic { restarts && g[x].runs ->
        restarts--; g[x].believes = 0; g[x].gap = 0; g[x].silent = 0 }
    fi
}

proctype faults() {
    do
    :: faults_of(0)
#ifndef ONE
    :: faults_of(1)
#endif
    od
}

init {
    atomic {
        g[0].runs = 1; g[0].believes = 1; g[0].gen = 1; g[0].receipt = 1;
        g[0].flows[0] = 1; g[0].left = LEASE;
        run gateway(0);
#ifndef ONE
        g[1].runs = 1; g[1].believes = 1; g[1].gen = 1; g[1].receipt = 1;
        g[1].flows[0] = 1; g[1].left = LEASE;
        run gateway(1);
#endif
        run survivor(); run clock(); run faults()
    }
}

#ifdef LIVE
#define lives (CONNECTED(0) || CONNECTED(1))
#define carried (resumed && (PASSES(0, OWNER_OF(gen)) || \
                             PASSES(1, OWNER_OF(gen))))
ltl CARRIES { [] ((!resumed && lives) -> <> (carried || !lives)) }
#endif
