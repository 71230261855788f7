/* SPDX-License-Identifier: Apache-2.0 */

/* Who runs a domain, and who may.
 *
 * This is the table of remus-hooks/lib/binding.c, rule by rule (each step that
 * is one says so: "rule: ROLE STATE EVENT"; tests/model/table compares), and
 * around it what decides who runs: two servers, one gateway that is also the
 * witness, the database, and the domain's guest.  What may go wrong:
 *
 *    a server loses its power, at any time, and comes back empty;
 *    an agent dies, at any time, and starts knowing nothing but the database;
 *    the gateway's agent likewise, and its rows stay behind;
 *    a server's path to the database, or to the gateway, or both, are cut;
 *    either end of a replication session thinks that the session is broken, at
 *    any time and without the other (so tunnel 1 itself is not needed here:
 *    cut one way, both ways, or a process that hangs, are all that), or hears
 *    its peer again;
 *    a gate is killed, at either end;
 *    a copy cannot be resumed;
 *    an operator switches the domain to the standby, running or stopped, or
 *    starts the guest, on either server, whether that is right or not;
 *    xl migrate moves the guest, and fails in the middle of it;
 *    the guest is shut down, rebooted, crashes, or is destroyed by somebody;
 *    a commit's answer is lost: an agent never learns from a transaction
 *    whether it was committed; it judges nothing until it has read again;
 *    the database comes back older than it was (-DROLLBACKS=1).
 *
 * A node acts on its own view of the database, which is as old as it likes.
 * Each transaction waits for the binding to be as in that view.  There are no
 * clocks: whatever waits for a time may find it over at once, or never.
 *
 * The gateway is simple here: gateways.pml looks into it and shows that a
 * receipt means what is taken for granted here; witness.pml does the same for
 * the answers, and output.pml for what the guest sends.
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
 *            1 alone), or the owner has said that it is frozen;
 *    BACK    the original is taken back only if the copy never ran;
 *    GROWS   the generation never goes down, also as any one agent sees it,
 *            and goes up with each change of the owner;
 *    KEPT    of a released, granted or failed domain nobody destroys the
 *            suspended original;
 * and with -DLIVE=... (weak fairness; at the end of this file):
 *    SERVED  if the owner dies while the domain is protected and the witness
 *            has heard both, the standby serves in the end;
 *    THAWED  an owner that replication has left frozen and that cannot reach
 *            the database does not stay so while the standby can;
 *    HEALED  when nothing breaks any more, the domain is protected in the end.
 *
 * Each -DMUTANT_... breaks one rule; tests/model/run expects each of them to
 * be caught. */

#include "names.pml"

#ifdef LIVE
#define GATEWAYS 1
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
#define GATEWAYS 0              /* Crashes of the gateway's agent. */
#endif
#ifndef CUTS
#define CUTS 1                  /* Of a server from database or gateway. */
#endif
#ifndef ENDS
#define ENDS 1                  /* Of the guest. */
#endif
#ifndef FAILURES
#define FAILURES 1              /* Of a resume. */
#endif
#ifndef SWITCHES
#define SWITCHES 0              /* By an operator. */
#endif
#ifndef STARTS
#define STARTS 0                /* Of the guest, by somebody. */
#endif
#ifndef MIGRATES
#define MIGRATES 0              /* By xl migrate. */
#endif
#ifndef KILLS
#define KILLS 0                 /* Of gates. */
#endif
#ifndef ROLLBACKS
#define ROLLBACKS 0             /* Of the database. */
#endif

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
#define END_STOP 1              /* Shut down. */
#define END_LOSS 2              /* Destroyed, crashed, or found gone. */

typedef node {
    bit up;                     /* Has power. */
    bit nodb;                   /* Cut off from the database. */
    bit deaf;                   /* Cut off from the gateway. */
    bit agent;                  /* Its agent runs... */
    bit valid;                  /* ...and has read the database... */
    binding view;               /* ...then. */
    bit admit;                  /* Its switch lets the guest's frames out. */
    bit guest;                  /* The guest (not a copy) is here. */
    bit ran;                    /* The granted copy has, as its agent saw. */
    bit away;                   /* NAME--migratedaway is here. */
    bit arrived;                /* The guest is here by a rename. */
    unsigned ended : 2;         /* END_* that its agent has seen. */
    unsigned seen : 3;          /* The highest generation (its own OVS's). */
};

binding db;
unsigned fence : 3;             /* Fence.generations */
byte reach[2];                  /* Reachability about each server. */
bit asked;                      /* The standby's Suspicion... */
bit answered;                   /* ...and the answer to it. */
bit gives_up[2];                /* BFD's concatenated path down. */

/* The gateway. */
bit g_agent = 1;
bit g_owner;                    /* Whom the flows admit. */
unsigned g_gen : 3;
bit g_cache;                    /* Cached flows admit the other one too. */
bit g_heard[2];                 /* BFD's session was up once. */

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
bit went;                       /* xl has let the target go. */

/* A backup of the database. */
#if ROLLBACKS
binding old;
unsigned old_fence : 3;
bit saved;
#endif

/* What may still go wrong. */
unsigned crashes : 2 = CRASHES;
unsigned agent_crashes : 2 = AGENTS;
unsigned gateways : 2 = GATEWAYS;
unsigned cuts : 2 = CUTS;
unsigned ends : 2 = ENDS;
unsigned failures : 2 = FAILURES;
unsigned switches : 2 = SWITCHES;
unsigned starts : 2 = STARTS;
unsigned migrates : 2 = MIGRATES;
unsigned kills : 2 = KILLS;
unsigned rollbacks : 2 = ROLLBACKS;
#ifdef LIVE
unsigned breaks : 2 = 1;        /* Of a session. */
#define BREAKS breaks
#define BREAK breaks--
#else
#define BREAKS true
#define BREAK skip
#endif

#define HEARD(x) (n[x].up && !n[x].deaf)
#define THROUGH(x) (g_owner == (x) || g_cache)
#define EMITS(x) (HEARD(x) && n[x].guest && n[x].admit && THROUGH(x))
#define V(x) n[x].view

/* What the witness takes for "down": it hears nothing, or hears that the
 * owner gives up. */
#define SILENT(x) (!HEARD(x) || gives_up[x])

/* An agent that can judge, and one that can also commit what it judged. */
#define JUDGES(x) (n[x].up && n[x].agent && n[x].valid)
#define SAME(x) (db.owner == V(x).owner && db.gen == V(x).gen && \
                 db.sess == V(x).sess && db.st == V(x).st)
#define COMMITS(x) (JUDGES(x) && !n[x].nodb && SAME(x))
#define OWNER(x, s) (COMMITS(x) && V(x).owner == (x) && V(x).st == (s))
#define STANDBY(x, s) (COMMITS(x) && V(x).owner == OTHER(x) && \
                       V(x).st == (s))
#define MAY_RUN(x) (V(x).owner == (x) && (V(x).st == ALONE || \
                    V(x).st == PROTECTED || V(x).st == GRANTED))

/* This end of the session is at 'x'. */
#define SENDS(x) (id && sender == (x) && snd != S_NONE)
#define RECEIVES(x) (id && sender == OTHER(x) && rcv != R_NONE)
#define HOLDS(x) (RECEIVES(x) && rcv == R_WHOLE && SAME_SESSION(x))

/* The mutants. */
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
#define RAN(x) false
#else
#define RAN(x) n[x].ran
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
#ifdef MUTANT_OLD_RECEIPT
#define FENCE_OK(x) true
#else
#define FENCE_OK(x) (fence == V(x).gen)
#endif
#define OLDER(x) (db.gen < n[x].seen)
#ifdef MUTANT_FOLLOWS_OLDER
#define FOLLOWS (db.gen != g_gen)
#else
#define FOLLOWS (db.gen > g_gen)
#endif
#ifdef MUTANT_EARLY_CLEANUP
#define RUNS_THERE(x) (V(x).st == ALONE || V(x).st == PROTECTED || \
                       V(x).st == GRANTED)
#else
#define RUNS_THERE(x) (V(x).st == ALONE || V(x).st == PROTECTED)
#endif
#ifdef MUTANT_FORGETS_HEARD
#define FORGET_HEARD g_heard[0] = 0; g_heard[1] = 0
#else
#define FORGET_HEARD skip
#endif
#ifdef MUTANT_NEVER_GIVES_UP
#define GIVES_UP false
#else
#define GIVES_UP true
#endif

inline check() {
    assert(!(EMITS(0) && EMITS(1)))                     /* ONE */
}

inline forget_view(x) {
    n[x].valid = 0;
    V(x).owner = 0; V(x).gen = 0; V(x).sess = 0; V(x).st = 0
}

/* A transaction that leaves the owner; what came of it must be read... */
inline commit(new_sess, new_st) {
    db.sess = new_sess; db.st = new_st;
    forget_view(me)
}

/* ...and one that makes 'who' the owner. */
inline commit_swap(who, new_sess, new_st) {
    assert(db.owner != who);                            /* GROWS */
    asked = 0; answered = 0; unheard = 0;
    db.owner = who; db.gen = db.gen + 1;
    commit(new_sess, new_st)
}

/* Copies of the session in the binding have no right any more; except that a
 * stream that was not told so follows its original still. */
inline forget() {
    if
    :: SENDS(me) && snd == S_RUN && db.sess == id && n[me].guest
    :: else -> stale[db.sess] = 1
    fi
}

/* --- an agent ---------------------------------------------------------- */

proctype agents_of(bit me) {
    do
    /* Reads; and programs its switch by what it has read.  What is older than
     * what it has seen is not followed: after its restart nothing may run. */
    :: atomic { n[me].up && n[me].agent && !n[me].nodb &&
                (!n[me].valid || !SAME(me)) && !OLDER(me) ->
#if !ROLLBACKS
        assert(!n[me].valid || db.gen >= V(me).gen);    /* GROWS */
#endif
        n[me].valid = 1;
        V(me).owner = db.owner; V(me).gen = db.gen;
        V(me).sess = db.sess; V(me).st = db.st;
#if ROLLBACKS
        n[me].seen = (db.gen > n[me].seen -> db.gen : n[me].seen);
#endif
        n[me].admit = MAY_RUN(me);
        check() }
#if ROLLBACKS
    :: atomic { n[me].up && n[me].agent && !n[me].nodb && !n[me].valid &&
                OLDER(me) && n[me].admit ->
        n[me].admit = 0;
        check() }
#endif

    /* The owner names the session that it sends...
     * rule: owner alone session-began */
    :: atomic { ANNOUNCES && OWNER(me, ALONE) && !V(me).sess && SENDS(me) &&
                snd == S_RUN && n[me].guest ->
        commit(id, ALONE);
        check() }
    /* ...and the standby may then protect it, and no other.
     * rule: standby alone copy-whole */
    :: atomic { STANDBY(me, ALONE) && RECEIVES(me) && rcv == R_WHOLE &&
                !suspect && (!ANNOUNCES || SAME_SESSION(me)) ->
        commit(id, PROTECTED);
        check() }

    /* Going on alone: the session is forgotten.  (That it is broken may also
     * be an error.  The rebooted guest is one more reason.)
     * rule: owner alone link-lost
     * rule: owner protected link-lost
     * rule: owner protected guest-reboot */
    :: atomic { (OWNER(me, PROTECTED) || OWNER(me, ALONE)) && n[me].guest &&
                V(me).sess &&
                (!SENDS(me) || snd != S_RUN || V(me).sess != id) ->
        forget();
        commit(0, ALONE);
        check() }
#ifndef LIVE
    :: atomic { (OWNER(me, PROTECTED) || OWNER(me, ALONE)) && n[me].guest &&
                V(me).sess && SENDS(me) && snd == S_RUN && V(me).sess == id ->
        commit(0, ALONE);
        check() }
#endif

    /* An operator's switch: the guest's frames are held back, then it is
     * released; and taken back if nobody comes for it, or it is started.
     * rule: owner protected switch-ready */
    :: atomic { OWNER(me, PROTECTED) && n[me].guest && V(me).sess == id &&
                SENDS(me) && snd == S_RUN && switches ->
        switches--;
        n[me].admit = 0;
        commit(id, RELEASED);
        check() }
    /* rule: owner released release-expired
     * rule: owner released guest-started */
    :: atomic { OWNER(me, RELEASED) && n[me].guest ->
        forget();
        commit(0, ALONE);
        check() }
    /* rule: owner stopped switch-stopped */
    :: atomic { OWNER(me, STOPPED) && switches && !n[me].guest ->
        switches--;
        commit_swap(OTHER(me), 0, STOPPED);
        check() }

    /* Somebody has started the guest where it belongs.
     * rule: owner stopped guest-started
     * rule: owner lost guest-started
     * rule: owner failed guest-started
     * (In the last two the former owner may still be heard: fenced first.) */
    :: atomic { (OWNER(me, STOPPED) ||
                    ((OWNER(me, LOST) || OWNER(me, FAILED)) &&
                     FENCE_OK(me))) && n[me].guest ->
        stale[db.sess] = 1;
        commit(0, ALONE);
        check() }

    /* xl migrate.
     * rule: owner alone guest-migrated
     * rule: owner protected guest-migrated */
    :: atomic { (OWNER(me, ALONE) || OWNER(me, PROTECTED)) && !n[me].guest &&
                n[me].away ->
        stale[db.sess] = 1;
        commit(0, RELEASED);
        check() }
    /* rule: standby released migrated-here */
    :: atomic { STANDBY(me, RELEASED) && !V(me).sess && n[me].arrived ->
        commit_swap(me, 0, GRANTED);
        check() }

    /* Orderly ends, and what is found when nobody has seen the end.
     * rule: owner alone guest-shutdown
     * rule: owner protected guest-shutdown */
    :: atomic { (OWNER(me, ALONE) || OWNER(me, PROTECTED)) && !n[me].guest &&
                !n[me].away && n[me].ended == END_STOP ->
        forget();
        commit(0, STOPPED);
        n[me].ended = END_NONE;
        check() }
    /* on_loss=stop.
     * rule: owner alone guest-lost-stop
     * rule: owner alone guest-lost-failover
     * rule: owner protected guest-lost-stop */
    :: atomic { (OWNER(me, ALONE) || OWNER(me, PROTECTED)) && !n[me].guest &&
                !n[me].away && n[me].ended == END_LOSS ->
        forget();
        commit(0, STOPPED);
        n[me].ended = END_NONE;
        check() }
    /* on_loss=failover; and a host that comes back without the guest.
     * rule: owner protected guest-lost-failover
     * rule: owner protected guest-absent */
    :: atomic { OWNER(me, PROTECTED) && !n[me].guest && !n[me].away &&
#ifndef MUTANT_SHUTDOWN_IS_LOSS
                n[me].ended != END_STOP ->
#else
                true ->
#endif
        commit(db.sess, RELEASED);
        n[me].ended = END_NONE;
        check() }

    /* The suspicion, and its withdrawal. */
    :: atomic { JUDGES(me) && !n[me].nodb && V(me).owner == OTHER(me) &&
                V(me).st == PROTECTED && V(me).sess == id && RECEIVES(me) &&
                suspect && !asked && db.owner == OTHER(me) ->
        asked = 1; answered = 0;
        unheard = SILENT(OTHER(me));
        check() }
    :: atomic { JUDGES(me) && !n[me].nodb && asked && db.owner == OTHER(me) &&
                !(suspect && RECEIVES(me)) ->
        asked = 0; answered = 0; unheard = 0;
        check() }

    /* The takeover, with the witness's rows in the same transaction.  (As any
     * step it may come late: the hold-down makes it so.)
     * rule: standby protected primary-dead */
    :: atomic { STANDBY(me, PROTECTED) && HOLDS(me) && suspect &&
                WITNESSED(me) ->
        assert(unheard);                                /* WITNESS */
#if !ROLLBACKS
        assert(!stale[id]);                             /* FRESH */
#endif
        commit_swap(me, db.sess, GRANTED);
        check() }
    /* rule: standby released copy-held */
    :: atomic { STANDBY(me, RELEASED) && V(me).sess && HOLDS(me) ->
#if !ROLLBACKS
        assert(!stale[id] && !orderly);                 /* FRESH */
#endif
        commit_swap(me, db.sess, GRANTED);
        check() }

    /* What came of it.  A copy that has run and ended is no failed resume.
     * rule: owner granted resumed */
    :: atomic { OWNER(me, GRANTED) && (n[me].guest || RAN(me)) ->
        n[me].ran = 0; n[me].arrived = 0;
        commit(0, ALONE);
        check() }
    /* rule: owner granted resume-failed */
    :: atomic { OWNER(me, GRANTED) && !n[me].guest && !RAN(me) &&
                !(RECEIVES(me) && rcv == R_WHOLE) ->
        commit(db.sess, FAILED);
        n[me].ended = END_NONE; n[me].ran = 0; n[me].arrived = 0;
        if
        :: RECEIVES(me) -> rcv = R_NONE; suspect = 0
        :: else
        fi;
        check() }
    /* rule: standby failed take-back */
    :: atomic { STANDBY(me, FAILED) && SENDS(me) && snd == S_ASK &&
                n[me].guest && V(me).sess == id ->
#if !ROLLBACKS
        assert(!copy_ran[id]);                          /* BACK */
#endif
        forget();
        commit_swap(me, 0, ALONE);
        check() }
    /* At any time: a guest that was started anew must not wait.
     * rule: owner failed no-take-back */
    :: atomic { OWNER(me, FAILED) ->
        stale[db.sess] = 1;
        commit(0, LOST);
        check() }

    /* A guest that another node runs is destroyed; one that arrives is not
     * (within ARRIVAL_US, until the former owner's agent has released it). */
    :: atomic { JUDGES(me) && n[me].guest && !n[me].arrived &&
                V(me).owner == OTHER(me) && RUNS_THERE(me) ->
#if !ROLLBACKS
        assert(!(db.owner == OTHER(me) && db.st == GRANTED && SENDS(me) &&
                 snd == S_ASK && db.sess == id));       /* KEPT */
#endif
        n[me].guest = 0;
        if
        :: SENDS(me) -> snd = S_NONE
        :: else
        fi;
        check() }

    /* An owner that cannot commit, and whose guest its gate holds because
     * replication has ended, says so by its BFD: "concatenated path down". */
    :: atomic { GIVES_UP && n[me].up && n[me].agent && n[me].nodb &&
                SENDS(me) && snd == S_ASK && !gives_up[me] ->
        gives_up[me] = 1;
        if
        :: asked && db.owner == me -> unheard = 1
        :: else
        fi;
        check() }
    :: atomic { n[me].up && n[me].agent && gives_up[me] &&
                !(n[me].nodb && SENDS(me) && snd == S_ASK) ->
        gives_up[me] = 0;
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
#define FENCE_SEEN(x) (!n[x].nodb && FENCE_OK(x))
#endif

inline end_sending() {
    if
    :: SENDS(me) -> snd = S_NONE
    :: else
    fi
}

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
    :: atomic { SENDS(me) && snd == S_RUN && BREAKS ->
        BREAK;
        snd = S_ASK;
        check() }
#ifdef LIVE
    :: atomic { SENDS(me) && snd == S_RUN && rcv == R_NONE ->
        snd = S_ASK }
#endif
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
    :: atomic { RECEIVES(me) && rcv == R_WHOLE && !suspect &&
                (BREAKS || snd != S_RUN) ->
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
#if !ROLLBACKS
           assert(db.owner == me && db.st == GRANTED && db.sess == id);
           assert(!stale[id]);                          /* FRESH */
#endif
           assert(!THROUGH(OTHER(me)));                 /* FENCED */
           n[me].guest = 1; n[me].ended = END_NONE; n[me].ran = 1;
           copy_ran[id] = 1;
           rcv = R_NONE; suspect = 0
        fi;
        check() }
    :: atomic { RECEIVES(me) && rcv == R_WHOLE && suspect && JUDGES(me) &&
                TOLD_DENIED(me) ->
        rcv = R_NONE; suspect = 0;
        check() }

    /* A gate dies: libxl destroys the copy... */
    :: atomic { kills && RECEIVES(me) && rcv == R_WHOLE ->
        kills--;
        rcv = R_NONE; suspect = 0;
        check() }
    /* ...or resumes the original, leave or not. */
    :: atomic { kills && SENDS(me) && n[me].guest ->
        kills--;
        snd = S_NONE;
        check() }

    /* Somebody ends the guest.  An agent that does not live to see it finds
     * it gone. */
    :: atomic { ends && n[me].guest && n[me].up && n[me].agent &&
                !(SENDS(me) && snd == S_TAKEN) ->
        ends--;
        n[me].guest = 0; n[me].arrived = 0;
        if
        :: n[me].ended = END_STOP;
           /* What was given up before is the other node's already. */
           orderly = (db.owner == me && db.st != RELEASED)
        :: n[me].ended = END_LOSS
        :: n[me].guest = 1                      /* Rebooted. */
        fi;
        end_sending();
        check() }
    :: atomic { ends && n[me].guest && n[me].up && !n[me].agent ->
        ends--;
        n[me].guest = 0; n[me].arrived = 0;
        n[me].ended = END_LOSS;
        n[me].ran = 0;
        copy_ran[id] = 0;       /* Nobody can know. */
        end_sending();
        check() }

    /* ...or starts it, here, right or wrong: its vif speaks only if the agent
     * has said so. */
    :: atomic { starts && n[me].up && !n[me].guest && !n[me].away &&
                !SENDS(me) && !RECEIVES(me) ->
        starts--;
        n[me].guest = 1; n[me].ended = END_NONE;
        check() }

    /* xl migrate renames the guest, and lets the target go only then; until
     * then it can undo it.  A target that has started is told of. */
    :: atomic { migrates && n[me].guest && n[me].up && !n[me].arrived &&
                !SENDS(me) && n[OTHER(me)].up && !n[OTHER(me)].guest &&
                !RECEIVES(OTHER(me)) ->
        migrates--;
        n[me].guest = 0; n[me].away = 1;
        check() }
    :: atomic { n[me].away && n[me].up && !went ->
        if
        :: n[me].guest = 1; n[me].away = 0      /* It has failed. */
        :: n[OTHER(me)].up && !n[OTHER(me)].guest ->
           went = 1;
           n[OTHER(me)].guest = 1; n[OTHER(me)].arrived = 1;
           n[OTHER(me)].ended = END_NONE
        fi;
        check() }
    :: atomic { n[me].away && n[me].up && went ->
        n[me].away = 0; n[me].ended = END_NONE;
        check() }
    od
}

/* --- the gateway -------------------------------------------------------- */

proctype gateway() {
    do
    :: atomic { g_agent && FOLLOWS ->
        if
        :: g_owner != db.owner -> g_cache = 1
        :: else
        fi;
        g_owner = db.owner; g_gen = db.gen;
        check() }
    :: atomic { g_cache ->
        g_cache = 0;            /* The revalidators have passed. */
        check() }
    :: atomic { RECEIPTS && g_agent && fence != g_gen &&
                (!g_cache || EARLY_FENCE) ->
        fence = g_gen;
        check() }

    /* As witness. */
    :: atomic { g_agent && !SILENT(0) && reach[0] != UP ->
        reach[0] = UP; g_heard[0] = 1 }
    :: atomic { g_agent && !SILENT(1) && reach[1] != UP ->
        reach[1] = UP; g_heard[1] = 1 }
    :: atomic { g_agent && SILENT(0) && g_heard[0] && reach[0] != DOWN ->
        reach[0] = DOWN }
    :: atomic { g_agent && SILENT(1) && g_heard[1] && reach[1] != DOWN ->
        reach[1] = DOWN }
    :: atomic { g_agent && asked && !answered &&
                (reach[db.owner] == DOWN && SILENT(db.owner) ||
                    reach[db.owner] == UP && !SILENT(db.owner)) ->
        answered = 1 }

    :: atomic { !g_agent ->
        g_agent = 1;
        FORGET_HEARD;
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
        n[x].up = 0; n[x].agent = 0;
        forget_view(x);
        n[x].admit = 0; n[x].guest = 0; n[x].ended = END_NONE;
        n[x].ran = 0; n[x].away = 0; n[x].arrived = 0;
        gives_up[x] = 0;
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
        n[x].agent = 0;
        forget_view(x);
        /* A marker says that the guest was here, not how it ended. */
        if
        :: n[x].ended == END_STOP -> n[x].ended = END_LOSS; orderly = 0
        :: else
        fi;
        if
        :: n[x].ran && !n[x].guest -> n[x].ran = 0; copy_ran[id] = 0
        :: else
        fi;
        n[x].arrived = 0;
        if
        :: db.owner == OTHER(x) -> asked = 0; answered = 0; unheard = 0
        :: else
        fi;
        check()
    }
}

inline cut(x) {
    atomic { cuts && !n[x].nodb && !n[x].deaf ->
        cuts--;
        if
        :: n[x].nodb = 1
        :: n[x].deaf = 1; unhear(x)
        :: n[x].nodb = 1; n[x].deaf = 1; unhear(x)
        fi
    }
}

proctype faults() {
    do
    :: crash(0)
    :: crash_agent(0)
    :: crash_agent(1)
    :: atomic { gateways && g_agent -> gateways--; g_agent = 0 }
#ifndef LIVE
    :: crash(1)
    :: atomic { !n[0].up -> n[0].up = 1; check() }
    :: atomic { !n[1].up -> n[1].up = 1; check() }
    :: cut(0)
    :: cut(1)
    :: atomic { n[0].deaf -> n[0].deaf = 0; check() }
    :: atomic { n[1].deaf -> n[1].deaf = 0; check() }
    :: atomic { n[0].nodb -> n[0].nodb = 0 }
    :: atomic { n[1].nodb -> n[1].nodb = 0 }
#endif
#if ROLLBACKS
    :: atomic { !saved ->
        saved = 1;
        old.owner = db.owner; old.gen = db.gen; old.sess = db.sess;
        old.st = db.st; old_fence = fence }
    :: atomic { saved && rollbacks ->
        rollbacks--;
        db.owner = old.owner; db.gen = old.gen; db.sess = old.sess;
        db.st = old.st; fence = old_fence;
        asked = 0; answered = 0; unheard = 0;
        reach[0] = UNKNOWN; reach[1] = UNKNOWN;
        /* (Only ONE and FENCED are promised from now on.) */
        check() }
#endif
    od
}

proctype starter() {
    do
    :: atomic { n[0].up && !n[0].agent -> n[0].agent = 1 }
    :: atomic { n[1].up && !n[1].agent -> n[1].agent = 1 }
#if LIVE == 3
    :: atomic { !n[0].up -> n[0].up = 1 }
#endif
    od
}

init {
    atomic {
        db.owner = 0; db.gen = 1; db.sess = 0; db.st = ALONE;
        fence = 1;
        g_owner = 0; g_gen = 1;
        n[0].up = 1; n[0].agent = 1; n[0].guest = 1;
        n[1].up = 1; n[1].agent = 1;
#if LIVE == 2
        n[0].nodb = 1;
        n[0].valid = 1; n[0].admit = 1;
        n[0].view.gen = 1; n[0].view.sess = 1; n[0].view.st = PROTECTED;
        db.sess = 1; db.st = PROTECTED;
        id = 1; snd = S_RUN; rcv = R_WHOLE;
        reach[0] = UP; reach[1] = UP; g_heard[0] = 1; g_heard[1] = 1;
#endif
        run agents_of(0); run agents_of(1);
        run host_of(0); run host_of(1);
        run gateway();
        run faults();
        run starter()
    }
}

/* --- liveness ------------------------------------------------------------
 * 1: server 0 may die, agents and the gateway's agent may, a session may
 *    break; nothing comes back but agents.
 * 2: server 0 is cut off from the database from now on.
 * 3: as 1, but server 0 comes back, and somebody starts `xl remus` again. */
#if LIVE == 1
#define served EMITS(1)
#define orphaned (!n[0].up && db.owner == 0 && db.st == PROTECTED && \
                  rcv == R_WHOLE && db.sess == id && sender == 0 && \
                  HEARD(1) && g_heard[0] && g_heard[1])
ltl SERVED { [] (orphaned -> <> served) }
#elif LIVE == 2
#define frozen (n[0].up && snd == S_ASK && db.owner == 0)
ltl THAWED { [] (frozen -> <> EMITS(1)) }
#elif LIVE == 3
ltl HEALED { <> [] (db.st == PROTECTED) }
#endif
