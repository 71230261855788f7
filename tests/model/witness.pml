/* SPDX-License-Identifier: Apache-2.0 */

/* What a witness's answer is worth.
 *
 * takeover.pml takes for granted that an answer "down" to the present question
 * means that the witness has not heard the owner at some time since it was
 * asked.  Here are the rows and their ways: the asker draws nonces and writes
 * them (db_put_suspicion()); the witness's agent has a replica, as old as it
 * likes, and the word of its own switch about BFD; it writes state and answers
 * in one transaction (write_reaches()), whose commit may take any time, be
 * made twice, or be lost; it dies and starts again, with its rows left behind
 * and a transaction of its former life perhaps still on its way; the takeover
 * waits, in the database, for the rows that it was judged by
 * (verify_witness()).
 *
 * The switch's word may be late as well (ovs-vswitchd writes what BFD says
 * within about 100 ms): with -DLAG=1 it is, and then an answer may be of that
 * much before the question; that is the one thing that takeover.pml does not
 * have.  It is no matter of safety: takeovers of a living owner are safe too,
 * by compare-and-set and fence; they are only not wanted.
 *
 * Checked:
 *    WITNESS a takeover is committed only if BFD was down at some time since
 *            its nonce was drawn;
 *    LAST    and not if the witness has said meanwhile that it hears the owner;
 *    UNHEARD and never if the witness has not heard the owner since its switch
 *            started. */

#define UNKNOWN 0
#define UP 1
#define DOWN 2

#ifndef NONCES
#define NONCES 3
#endif
#ifndef FLAPS
#define FLAPS 4                 /* Of BFD. */
#endif
#ifndef CRASHES
#define CRASHES 1
#endif

/* BFD, as it is; as the switch's database has it. */
bit heard;                      /* Up once since the switch started. */
byte bfd = UNKNOWN, told = UNKNOWN;
byte flaps = FLAPS;

/* The asker. */
byte drawn;                     /* Its last nonce. */
byte row_nonce;                 /* In the database. */
bit down_since;                 /* BFD was down since that one was drawn. */
bit granted;

/* The witness's agent: its replica, the row as committed, a transaction. */
bit agent = 1;
byte replica;
byte row_state, row_answered;
bit flying;
byte fly_state, fly_answered;
byte crashes = CRASHES;

inline draw() {
    drawn++;
    down_since = (bfd == DOWN)
}

#ifdef MUTANT_ANY_NONCE
#define FRESH answered
#else
#define FRESH (answered == drawn)
#endif
#ifdef MUTANT_UNVERIFIED
#define UNCHANGED true
#else
#define UNCHANGED (state == row_state && answered == row_answered)
#endif

proctype asker() {
    byte state, answered;
    do
    :: atomic { drawn < NONCES && !granted -> draw() }
    :: atomic { row_nonce != drawn -> row_nonce = drawn }
    /* It reads... */
    :: atomic { drawn && !granted ->
        state = row_state; answered = row_answered }
    /* ...and commits by what it has read, if it is still so. */
    :: atomic { drawn && !granted && state == DOWN && FRESH && UNCHANGED ->
        assert(down_since && heard);            /* WITNESS, UNHEARD */
        assert(row_state == DOWN);              /* LAST */
        granted = 1 }
    od
}

#ifdef LAG
#define LAGS true
#else
#define LAGS false
#endif

proctype witness() {
    do
    /* Its replica follows. */
    :: atomic { agent && replica != row_nonce -> replica = row_nonce }
    :: atomic { LAGS && told != bfd -> told = bfd }
    /* One transaction at a time. */
    :: atomic { agent && !flying &&
                (row_state != told || row_answered != replica) ->
        flying = 1; fly_state = told; fly_answered = replica }
    :: atomic { agent && flying ->
        row_state = fly_state; row_answered = fly_answered;
        if
        :: flying = 0
        :: true                                 /* Made twice. */
        fi }
    :: atomic { agent && flying -> flying = 0 } /* Lost; made anew. */
    :: atomic { crashes && agent ->
        crashes--; agent = 0; replica = 0 }
    /* Of its former life. */
    :: atomic { !agent && flying ->
        row_state = fly_state; row_answered = fly_answered; flying = 0 }
    :: atomic { !agent -> agent = 1; flying = 0 }
    od
}

proctype detector() {
    do
    :: atomic { flaps && bfd != UP ->
        flaps--; bfd = UP; heard = 1;
        if
        :: !LAGS -> told = UP
        :: else
        fi }
    :: atomic { bfd == UP ->
        bfd = DOWN; down_since = 1;
        if
        :: !LAGS -> told = DOWN
        :: else
        fi }
#ifdef MUTANT_DOWN_UNHEARD
    :: atomic { bfd == UNKNOWN -> bfd = DOWN; told = DOWN; down_since = 1 }
#endif
    od
}

init {
    atomic { run asker(); run witness(); run detector() }
}
