/* SPDX-License-Identifier: Apache-2.0 */

/* The binding: who runs a domain, and who may.
 *
 * This is the protocol of DESIGN's sections 3 to 5 and of the agent's table
 * (remus-hooks/lib/binding.c) with everything taken away that does not decide
 * who runs: two servers, one gateway that is also the witness and has the
 * database, and the domain's guest.  What may go wrong:
 *
 *    a server loses its power, at any time, and comes back empty;
 *    an agent dies, at any time, and starts knowing nothing but the database;
 *    the gateway's agent likewise, and its rows stay behind;
 *    the cable between a server and the gateway is pulled and plugged in;
 *    either end of a replication session thinks that the session is broken, at
 *    any time and without the other (so tunnel 1 itself is not needed here:
 *    cut one way, both ways, or a process that hangs, are all that);
 *    a copy cannot be resumed;
 *    an operator switches the domain to the standby;
 *    the guest is shut down, or destroyed, by somebody;
 *    a commit's answer is lost: an agent never learns from a transaction
 *    whether it was committed; it judges nothing until it has read again.
 *
 * A node acts on its own view of the database, which is as old as it likes.
 * Each transaction waits for the binding to be as in that view.
 *
 * All state is in globals and every step is atomic; the processes are there
 * only to share the steps out, so that weak fairness means something.
 *
 * Checked, in every state (check()):
 *    ONE     at most one node's frames get through the gateway;
 * and where it happens:
 *    FENCED  a copy is resumed only after grant and fence: the gateway lets
 *            nothing of the other node through, cached flows included;
 *    FRESH   a copy is never granted if its original was let go on without it
 *            or was ended in order;
 *    WITNESS a takeover is committed only if the witness could not hear the
 *            owner at some time since it was asked (so never because of tunnel
 *            1 alone);
 *    BACK    the original is taken back only if the copy never ran;
 *    GROWS   the generation never goes down, also as any one agent sees it,
 *            and goes up with each change of the owner;
 * and with -DLIVE (weak fairness; of the faults only the owner's death and
 * those of agents and sessions):
 *    SERVED  if the owner dies while the domain is protected and the witness
 *            has heard both, the standby serves in the end.
 *
 * Each -DMUTANT_... breaks one rule; tests/model/run expects each of them to
 * be caught. */

#ifdef LIVE
#define GATEWAYS 0
#define CUTS 0
#define ENDS 0
#define FAILURES 0
#define SWITCHES 0
#endif

#ifndef SESSIONS
#define SESSIONS 2
#endif
#ifndef CRASHES
#define CRASHES 1               /* Of servers. */
#endif
#ifndef AGENTS
#define AGENTS 1                /* Crashes of servers' agents. */
#endif
#ifndef GATEWAYS
#define GATEWAYS 1              /* Crashes of the gateway's agent. */
#endif
#ifndef CUTS
#define CUTS 1                  /* Between a server and the gateway. */
#endif
#ifndef ENDS
#define ENDS 1                  /* Of the guest. */
#endif
#ifndef FAILURES
#define FAILURES 1              /* Of a resume. */
#endif

#ifndef SWITCHES
#define SWITCHES 1              /* By an operator. */
#endif

#define OTHER(n) (1 - (n))

/* Binding.state */
#define STOPPED 0
#define ALONE 1
#define PROTECTED 2
#define GRANTED 3
#define RELEASED 4
#define FAILED 5
#define LOST 6

/* Reachability.state */
#define UNKNOWN 0
#define UP 1
#define DOWN 2

/* The sending end: its gate and link. */
#define S_NONE 0
#define S_RUN 1                 /* The stream runs. */
#define S_ASK 2                 /* It has ended; the gate asks `alone?`. */
#define S_TAKEN 3               /* Told `taken`: withheld for good. */

/* The receiving end. */
#define R_NONE 0
#define R_COPY 1                /* The first checkpoint is on its way. */
#define R_WHOLE 2               /* A whole checkpoint is held behind a gate. */
#define R_FAILED 3              /* xl could not resume it. */

/* How the guest ended, as the agent saw it. */
#define END_NONE 0
#define END_STOP 1              /* Shut down (or on_loss=stop). */
#define END_FAILOVER 2          /* Destroyed or crashed, on_loss=failover. */

typedef binding {
    bit owner;
    unsigned gen : 3;
    unsigned sess : 2;
    unsigned st : 3;
};

typedef node {
    bit up;                     /* Has power. */
    bit cut;                    /* Cut off from the gateway. */
    bit agent;                  /* Its agent runs... */
    bit valid;                  /* ...and has read the database... */
    binding view;               /* ...then. */
    bit admit;                  /* Its switch lets the guest's frames out. */
    bit guest;                  /* The guest (not a copy) is here. */
    unsigned ended : 2;         /* END_* that its agent has seen. */
};

binding db;
unsigned fence : 3;             /* Fence.generation */
byte reach[2];                  /* Reachability about each server. */
bit asked;                      /* The standby's Suspicion... */
bit answered;                   /* ...and the answer to it. */

/* The gateway. */
bit g_agent = 1;
bit g_owner;                    /* Whom the flows admit. */
unsigned g_gen : 3;
bit g_cache;                    /* Cached flows admit the other one too. */
bit g_heard[2];                 /* Was up since the gateway's agent started. */

node n[2];

/* The replication session: the newest one. */
unsigned id : 2;
bit sender;
unsigned snd : 2;
unsigned rcv : 2;
bit suspect;                    /* The receiver suspects the sender. */

/* What nobody in there knows, to state the properties with. */
bit stale[4];                   /* Copies of that session have no right. */
bit unheard;                    /* The owner was, since it was asked for. */
bit copy_ran[4];                /* The session's copy has run. */
bit orderly;                    /* Its guest was shut down, under our eyes. */

/* What may still go wrong. */
unsigned crashes : 2 = CRASHES;
unsigned agent_crashes : 2 = AGENTS;
unsigned gateways : 2 = GATEWAYS;
unsigned cuts : 2 = CUTS;
unsigned ends : 2 = ENDS;
unsigned failures : 2 = FAILURES;
unsigned switches : 2 = SWITCHES;

#define REACHABLE(x) (n[x].up && !n[x].cut)
#define THROUGH(x) (g_owner == (x) || g_cache)
#define EMITS(x) (REACHABLE(x) && n[x].guest && n[x].admit && THROUGH(x))
#define V(x) n[x].view

/* An agent that can judge, and one that can also commit what it judged. */
#define JUDGES(x) (n[x].up && n[x].agent && n[x].valid)
#define SAME(x) (db.owner == V(x).owner && db.gen == V(x).gen && \
                 db.sess == V(x).sess && db.st == V(x).st)
#define COMMITS(x) (JUDGES(x) && !n[x].cut && SAME(x))
#define MAY_RUN(x) (V(x).owner == (x) && (V(x).st == ALONE || \
                    V(x).st == PROTECTED || V(x).st == GRANTED))

/* This end of the session is at 'x'. */
#define SENDS(x) (id && sender == (x) && snd != S_NONE)
#define RECEIVES(x) (id && sender == OTHER(x) && rcv != R_NONE)

/* The mutants, and what the liveness run leaves out. */
#ifdef MUTANT_UNANNOUNCED
#define ANNOUNCES false
#else
#define ANNOUNCES true
#endif
#ifdef MUTANT_ANY_SESSION
#define SAME_SESSION(x) true
#else
#define SAME_SESSION(x) (V(x).sess == id)
#endif
#ifdef MUTANT_NO_WITNESS
#define WITNESSED(x) true
#else
#ifdef MUTANT_STALE_WITNESS
#define FRESH_ANSWER true
#else
#define FRESH_ANSWER (asked && answered)
#endif
#define WITNESSED(x) (reach[OTHER(x)] == DOWN && reach[x] == UP && \
                      FRESH_ANSWER)
#endif
#ifdef MUTANT_FAILED_THOUGH_IT_RAN
#define RAN_OR_NOT true
#define HAS_RUN(x) (V(x).st == ALONE || V(x).st == PROTECTED)
#else
#define RAN_OR_NOT false
#define HAS_RUN(x) (V(x).st == ALONE || V(x).st == PROTECTED || \
                    V(x).st == GRANTED)
#endif
#ifdef MUTANT_BARRIER_IS_FENCE
#define EARLY_FENCE true
#else
#define EARLY_FENCE false
#endif
#ifdef MUTANT_NO_RECEIPT
#define RECEIPTS false
#else
#define RECEIPTS true
#endif

inline check() {
    assert(!(EMITS(0) && EMITS(1)))                     /* ONE */
}

/* A transaction that leaves the owner... */
inline commit(new_sess, new_st) {
    db.sess = new_sess; db.st = new_st;
    n[me].valid = 0             /* Until it has read what came of it. */
}

/* ...and one that makes this node the owner. */
inline commit_take(new_sess, new_st) {
    assert(db.owner != me);                             /* GROWS */
    asked = 0; answered = 0; unheard = 0;
    db.owner = me; db.gen = db.gen + 1;
    commit(new_sess, new_st)
}

/* Copies of the session in the binding have no right any more. */
inline forget() {
    stale[db.sess] = 1
}

/* --- an agent ---------------------------------------------------------- */

proctype agents_of(bit me) {
    do
    /* Reads; and programs its switch by what it has read. */
    :: atomic { n[me].up && n[me].agent && !n[me].cut &&
                (!n[me].valid || !SAME(me)) ->
        assert(!n[me].valid || db.gen >= V(me).gen);    /* GROWS */
        n[me].valid = 1;
        V(me).owner = db.owner; V(me).gen = db.gen;
        V(me).sess = db.sess; V(me).st = db.st;
        n[me].admit = MAY_RUN(me);
        check() }

    /* The owner names the session that it sends... */
    :: atomic { ANNOUNCES && COMMITS(me) && V(me).owner == me &&
                V(me).st == ALONE && !V(me).sess && SENDS(me) &&
                snd == S_RUN ->
        commit(id, ALONE);
        check() }
    /* ...and the standby may then protect it, and no other. */
    :: atomic { COMMITS(me) && V(me).owner == OTHER(me) && V(me).st == ALONE &&
                RECEIVES(me) && rcv == R_WHOLE && !suspect &&
                (!ANNOUNCES || SAME_SESSION(me)) ->
        commit(id, PROTECTED);
        check() }

    /* Going on alone: the session is forgotten. */
    :: atomic { COMMITS(me) && V(me).owner == me && n[me].guest &&
                V(me).sess && (V(me).st == PROTECTED || V(me).st == ALONE) &&
                (!SENDS(me) || snd != S_RUN || V(me).sess != id) ->
        forget();
        commit(0, ALONE);
        check() }

    /* An operator's switch: the guest's frames are held back, then it is
     * released; and taken back if nobody comes for it. */
    :: atomic { COMMITS(me) && V(me).owner == me && n[me].guest &&
                V(me).st == PROTECTED && V(me).sess == id && SENDS(me) &&
                snd == S_RUN && switches ->
        switches--;
        n[me].admit = 0;
        commit(id, RELEASED);
        check() }
    :: atomic { COMMITS(me) && V(me).owner == me && n[me].guest &&
                V(me).st == RELEASED ->
        if
        :: SENDS(me) && snd == S_RUN    /* The copy still follows. */
        :: else -> forget()
        fi;
        commit(0, ALONE);
        check() }

    /* Orderly ends, and what is found when nobody has seen the end.  A copy
     * that has run and ended is no failed resume. */
    :: atomic { COMMITS(me) && V(me).owner == me && !n[me].guest &&
                n[me].ended == END_STOP && HAS_RUN(me) ->
        forget();
        commit(0, STOPPED);
        n[me].ended = END_NONE;
        check() }
    :: atomic { COMMITS(me) && V(me).owner == me && !n[me].guest &&
                n[me].ended == END_FAILOVER && HAS_RUN(me) ->
        if
        :: db.st == PROTECTED -> commit(db.sess, RELEASED)
        :: else -> forget(); commit(0, STOPPED)
        fi;
        n[me].ended = END_NONE;
        check() }
    :: atomic { COMMITS(me) && V(me).owner == me && !n[me].guest &&
                n[me].ended == END_NONE && V(me).st == PROTECTED ->
        commit(db.sess, RELEASED);
        check() }

    /* The suspicion, and its withdrawal. */
    :: atomic { JUDGES(me) && !n[me].cut && V(me).owner == OTHER(me) &&
                V(me).st == PROTECTED && V(me).sess == id && RECEIVES(me) &&
                suspect && !asked && db.owner == OTHER(me) ->
        asked = 1; answered = 0;
        unheard = !REACHABLE(OTHER(me));
        check() }
    :: atomic { JUDGES(me) && !n[me].cut && asked && db.owner == OTHER(me) &&
                !(suspect && RECEIVES(me)) ->
        asked = 0; answered = 0; unheard = 0;
        check() }

    /* The takeover, with the witness's rows in the same transaction. */
    :: atomic { COMMITS(me) && V(me).owner == OTHER(me) &&
                V(me).st == PROTECTED && RECEIVES(me) && rcv == R_WHOLE &&
                SAME_SESSION(me) && suspect && WITNESSED(me) ->
        assert(unheard);                                /* WITNESS */
        assert(!stale[id]);                             /* FRESH */
        commit_take(db.sess, GRANTED);
        check() }
    :: atomic { COMMITS(me) && V(me).owner == OTHER(me) &&
                V(me).st == RELEASED && RECEIVES(me) && rcv == R_WHOLE &&
                SAME_SESSION(me) ->
        assert(!stale[id] && !orderly);                 /* FRESH */
        commit_take(db.sess, GRANTED);
        check() }

    /* What came of it. */
    :: atomic { COMMITS(me) && V(me).owner == me && V(me).st == GRANTED &&
                n[me].guest ->
        commit(0, ALONE);
        check() }
    :: atomic { COMMITS(me) && V(me).owner == me && V(me).st == GRANTED &&
                !n[me].guest && !(RECEIVES(me) && rcv == R_WHOLE) &&
                (n[me].ended == END_NONE || RAN_OR_NOT) ->
        commit(db.sess, FAILED);
        n[me].ended = END_NONE;
        if
        :: RECEIVES(me) -> rcv = R_NONE; suspect = 0
        :: else
        fi;
        check() }
    :: atomic { COMMITS(me) && V(me).owner == OTHER(me) &&
                V(me).st == FAILED && SENDS(me) && snd == S_ASK &&
                V(me).sess == id ->
        assert(!copy_ran[id]);                          /* BACK */
        forget();
        commit_take(0, ALONE);
        check() }
    :: atomic { COMMITS(me) && V(me).owner == me && V(me).st == FAILED ->
        forget();
        commit(0, LOST);
        check() }

    /* A guest that another node runs is destroyed. */
    :: atomic { JUDGES(me) && n[me].guest && V(me).owner == OTHER(me) &&
                (V(me).st == ALONE || V(me).st == PROTECTED) ->
        n[me].guest = 0;
        if
        :: SENDS(me) -> snd = S_NONE
        :: else
        fi;
        check() }
    od
}

/* --- xl, its helper, link and gate on both ends ------------------------- */

/* The answer to `alone?`. */
#ifdef MUTANT_ALONE_WITHOUT_COMMIT
#define TOLD_ALONE(x) (V(x).owner == (x))
#else
#define TOLD_ALONE(x) (V(x).owner == (x) && \
    (V(x).st == STOPPED || V(x).st == LOST || V(x).st == FAILED || \
        ((V(x).st == ALONE || V(x).st == PROTECTED) && \
            V(x).sess != id)))
#endif
#define TOLD_TAKEN(x) ((V(x).owner == (x) && V(x).st == GRANTED) || \
    (V(x).owner == OTHER(x) && \
        !((V(x).st == GRANTED || V(x).st == FAILED) && \
             V(x).sess == id)))

/* The answer to `grant?`. */
#define TOLD_GRANTED(x) (V(x).owner == (x) && V(x).st == GRANTED && \
    V(x).sess == id && FENCE_SEEN(x))
#define TOLD_DENIED(x) (V(x).sess != id || \
    (V(x).owner == (x) && V(x).st != GRANTED) || \
    (V(x).owner == OTHER(x) && \
        V(x).st != PROTECTED && V(x).st != RELEASED))
#ifdef MUTANT_FENCE_AFTER_RESUME
#define FENCE_SEEN(x) true
#else
#define FENCE_SEEN(x) (!n[x].cut && fence >= V(x).gen)
#endif

proctype host_of(bit me) {
    do
    /* xl remus: a session begins. */
    :: atomic { id < SESSIONS && snd == S_NONE && rcv == R_NONE &&
                JUDGES(me) && V(me).owner == me && V(me).st == ALONE &&
                n[me].guest && JUDGES(OTHER(me)) &&
                V(OTHER(me)).owner == me && V(OTHER(me)).st == ALONE &&
                !n[OTHER(me)].guest ->
        id++; sender = me; snd = S_RUN; rcv = R_COPY; suspect = 0;
        orderly = 0;
        check() }

    /* The sender's end breaks, whatever the reason. */
    :: atomic { SENDS(me) && snd == S_RUN ->
        snd = S_ASK;
        check() }
    :: atomic { SENDS(me) && snd == S_ASK && JUDGES(me) && TOLD_ALONE(me) ->
        if
        :: n[me].guest -> stale[id] = 1         /* It goes on by itself. */
        :: else
        fi;
        snd = S_NONE;
        check() }
    :: atomic { SENDS(me) && snd == S_ASK && JUDGES(me) && TOLD_TAKEN(me) ->
        snd = S_TAKEN;
        check() }
    :: atomic { SENDS(me) && snd != S_RUN && !n[me].guest ->
        snd = S_NONE;
        check() }

    /* The receiver's end. */
    :: atomic { RECEIVES(me) && rcv == R_COPY && snd == S_RUN ->
        rcv = R_WHOLE;
        check() }
    :: atomic { RECEIVES(me) && rcv == R_COPY && snd != S_RUN ->
        rcv = R_NONE;
        check() }
    :: atomic { RECEIVES(me) && rcv == R_WHOLE && !suspect ->
        suspect = 1;
        check() }
    :: atomic { RECEIVES(me) && rcv == R_WHOLE && suspect && snd == S_RUN &&
                !(n[me].agent && V(me).owner == me) ->
        suspect = 0;
        check() }
    :: atomic { RECEIVES(me) && rcv == R_WHOLE && JUDGES(me) &&
                TOLD_GRANTED(me) ->
        if
        :: failures -> failures--; rcv = R_FAILED
        :: true ->
           assert(db.owner == me && db.st == GRANTED && db.sess == id);
           assert(!THROUGH(OTHER(me)));                 /* FENCED */
           assert(!stale[id]);                          /* FRESH */
           n[me].guest = 1; n[me].ended = END_NONE;
           copy_ran[id] = 1;
           rcv = R_NONE; suspect = 0
        fi;
        check() }
    :: atomic { RECEIVES(me) && rcv == R_WHOLE && suspect && JUDGES(me) &&
                TOLD_DENIED(me) ->
        rcv = R_NONE; suspect = 0;
        check() }

    /* Somebody ends the guest. */
    :: atomic { ends && n[me].guest && n[me].up &&
                !(SENDS(me) && snd == S_TAKEN) ->
        ends--;
        n[me].guest = 0;
        if
        :: n[me].ended = END_STOP;
           /* What was given up before is the other node's already. */
           orderly = !(db.owner == me && db.st == RELEASED)
        :: n[me].ended = END_FAILOVER
        fi;
        if
        :: SENDS(me) -> snd = S_NONE
        :: else
        fi;
        check() }
    od
}

/* --- the gateway -------------------------------------------------------- */

proctype gateway() {
    do
    :: atomic { g_agent && db.gen > g_gen ->
        if
        :: g_owner != db.owner -> g_cache = 1
        :: else
        fi;
        g_owner = db.owner; g_gen = db.gen;
        check() }
    :: atomic { g_cache ->
        g_cache = 0;            /* The revalidators have passed. */
        check() }
    :: atomic { RECEIPTS && g_agent && fence < g_gen &&
                (!g_cache || EARLY_FENCE) ->
        fence = g_gen;
        check() }

    /* As witness. */
    :: atomic { g_agent && REACHABLE(0) && reach[0] != UP ->
        reach[0] = UP; g_heard[0] = 1 }
    :: atomic { g_agent && REACHABLE(1) && reach[1] != UP ->
        reach[1] = UP; g_heard[1] = 1 }
    :: atomic { g_agent && !REACHABLE(0) && g_heard[0] && reach[0] != DOWN ->
        reach[0] = DOWN }
    :: atomic { g_agent && !REACHABLE(1) && g_heard[1] && reach[1] != DOWN ->
        reach[1] = DOWN }
    :: atomic { g_agent && asked && !answered &&
                (reach[db.owner] == DOWN && !REACHABLE(db.owner) ||
                    reach[db.owner] == UP && REACHABLE(db.owner)) ->
        answered = 1 }

    :: atomic { !g_agent ->
        g_agent = 1;
        g_heard[0] = 0; g_heard[1] = 0;
        reach[0] = UNKNOWN; reach[1] = UNKNOWN }
    od
}

/* --- what goes wrong ---------------------------------------------------- */

inline unhear(x) {
    if
    :: asked && db.owner == x -> unheard = 1
    :: else
    fi
}

inline crash(x) {
    atomic { crashes && n[x].up ->
        crashes--;
        n[x].up = 0; n[x].agent = 0; n[x].valid = 0;
        V(x).owner = 0; V(x).gen = 0; V(x).sess = 0; V(x).st = 0;
        n[x].admit = 0; n[x].guest = 0; n[x].ended = END_NONE;
        if
        :: SENDS(x) -> snd = S_NONE
        :: RECEIVES(x) -> rcv = R_NONE; suspect = 0
        :: else
        fi;
        /* What it did went with it; nobody can know any more. */
        orderly = 0;
        if
        :: sender == OTHER(x) -> copy_ran[id] = 0
        :: else
        fi;
        unhear(x);
        check()
    }
}

inline crash_agent(x) {
    atomic { agent_crashes && n[x].agent ->
        agent_crashes--;
        n[x].agent = 0; n[x].valid = 0;
        V(x).owner = 0; V(x).gen = 0; V(x).sess = 0; V(x).st = 0;
#ifdef MUTANT_FORGETFUL
        n[x].ended = END_NONE;
#endif
        if
        :: db.owner == OTHER(x) -> asked = 0; answered = 0; unheard = 0
        :: else
        fi;
        check()
    }
}

proctype faults() {
    do
    :: crash(0)
    :: crash_agent(0)
    :: crash_agent(1)
#ifndef LIVE
    :: crash(1)
    :: atomic { !n[0].up -> n[0].up = 1; check() }
    :: atomic { !n[1].up -> n[1].up = 1; check() }
    :: atomic { cuts && !n[0].cut -> cuts--; n[0].cut = 1; unhear(0) }
    :: atomic { cuts && !n[1].cut -> cuts--; n[1].cut = 1; unhear(1) }
    :: atomic { n[0].cut -> n[0].cut = 0; check() }
    :: atomic { n[1].cut -> n[1].cut = 0; check() }
    :: atomic { gateways && g_agent -> gateways--; g_agent = 0 }
#endif
    od
}

proctype starter() {
    do
    :: atomic { n[0].up && !n[0].agent -> n[0].agent = 1 }
    :: atomic { n[1].up && !n[1].agent -> n[1].agent = 1 }
    od
}

init {
    atomic {
        db.owner = 0; db.gen = 1; db.sess = 0; db.st = ALONE;
        fence = 1;
        g_owner = 0; g_gen = 1;
        n[0].up = 1; n[0].agent = 1; n[0].guest = 1;
        n[1].up = 1; n[1].agent = 1;
        run agents_of(0); run agents_of(1);
        run host_of(0); run host_of(1);
        run gateway();
        run faults();
        run starter()
    }
}

#ifdef LIVE
#define served EMITS(1)
#define orphaned (!n[0].up && db.owner == 0 && db.st == PROTECTED && \
                  rcv == R_WHOLE && db.sess == id && sender == 0 && \
                  REACHABLE(1) && g_heard[0] && g_heard[1])
ltl SERVED { [] (orphaned -> <> served) }
#endif
