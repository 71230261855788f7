/* SPDX-License-Identifier: Apache-2.0 */

/* Output commit: what the guest sends leaves only after the peer holds the
 * checkpoint that covers it.
 *
 * The parts are libxl-ext/epoch.c (the engine's state machine, action by
 * action), the gate that withholds message 4 (`resume?`) and the answer to
 * message 5 (`next?`), Linux's sch_plug with its three counters, the stream,
 * its acknowledgements, and the guest.  Of the takeover only the outcome is
 * here, as one choice that is made once (takeover.pml: FRESH, BACK and the
 * compare-and-set): the owner goes on alone; or the copy is granted, and then
 * runs, or has failed and the original is taken back.
 *
 * What may go wrong: a frame may wait in the plug for ever; a checkpoint may
 * be lost with the stream; acknowledgements are late, lost, repeated and
 * overtake each other (any that was ever true may come, at any time); xl-remus
 * dies, with the buffer as it is, and another one begins, which opens it; the
 * gate dies, and libxl resumes the guest unasked; the guest ends; the outcome
 * falls at any time.
 *
 * Epoch n is what the guest sends between its resume at checkpoint n-1 and its
 * suspension for checkpoint n.  Checked:
 *
 *    HELD    no client sees a frame of epoch n before the peer holds
 *            checkpoint n, once there is a checkpoint that it could hold,
 *            unless the owner has gone on alone;
 *    COMMIT  a copy that runs has all that any client has ever seen;
 *    ORDER   the next checkpoint begins when the epoch of the last is let go
 *            (sch_plug counts one closed epoch), and no acknowledgement is of
 *            one that was not closed.
 *
 * Not here: the classes that bypass the buffer (Domain.realtime) are seen
 * early by intent. */

#ifndef CHECKPOINTS
#define CHECKPOINTS 3
#endif
#ifndef FRAMES
#define FRAMES 2                /* That the guest sends in an epoch. */
#endif

#define MAX_FRAMES 8

/* The outcome. */
#define UNDECIDED 0
#define ALONE 1
#define GRANTED 2
#define RUNS 3                  /* The copy does. */
#define BACK 4                  /* It failed, the original goes on. */

/* The engine: struct epoch. */
byte begun = 1, closed, released, acked;
byte resume, next;              /* The question that is open. */
bit engine = 1;                 /* It lives. */
bit told_alone, told_taken, released_all;

/* The gate and the guest. */
bit gate = 1;
bit suspended;
byte epoch = 1;                 /* Of what the guest sends now. */
byte sent;                      /* Frames in it. */
bit gone;                       /* It has ended. */
bit asked;                      /* The gate waits for an answer. */

/* sch_plug, and what is in it. */
bit unplugged = 1;              /* unplug_indefinite */
byte cur, last, to_release;     /* pkts_current_epoch, ... */
chan queue = [MAX_FRAMES] of { byte };

/* The peer. */
byte written;                   /* Checkpoints in the stream. */
byte held;                      /* Those that it holds whole. */
byte taken_from;                /* The one that the copy ran from. */
byte outcome;

byte seen;                      /* Newest epoch that a client has seen. */

inline let_go(e) {
    if
    :: outcome == RUNS                  /* The gateways drop it. */
    :: else ->
       assert(e <= held || outcome == ALONE || outcome == BACK ||
              closed == 0);                             /* HELD */
       seen = (e > seen -> e : seen)
    fi
}

proctype guest() {
    byte e;
    do
    :: atomic { !suspended && !gone && outcome != RUNS && sent < FRAMES ->
        sent++;
        if
        :: unplugged && empty(queue) -> let_go(epoch)
        :: else ->
           queue!epoch;
           if
           :: !unplugged -> cur++
           :: else
           fi
        fi }
    /* plug_dequeue() */
    :: atomic { nempty(queue) && (unplugged || to_release) ->
        queue?e;
        if
        :: !unplugged -> to_release--
        :: else
        fi;
        let_go(e) }
    od
}

#ifdef MUTANT_BUFFER_AFTER_RESUME
#define GO_EARLY suspended = 0; epoch++; sent = 0
#else
#define GO_EARLY skip
#endif

proctype helper() {
    do
    /* Message 3: the guest is suspended, for checkpoint 'begun'. */
    :: atomic { gate && !suspended && !gone && !asked && epoch == begun &&
                begun <= CHECKPOINTS && closed < begun ->
        suspended = 1; asked = 1; resume = begun;
        GO_EARLY }
    /* libxl resumes a guest whose gate has died. */
    :: atomic { !gate && suspended && !gone && outcome == UNDECIDED ->
        suspended = 0; epoch++; sent = 0 }
    od
}

proctype stream() {
    do
    /* libxl's part of a checkpoint is written after the answer to message 4,
     * so it is never whole before that... */
    :: atomic { gate && !resume && written < closed -> written = closed }
    /* ...and then it arrives, late or never. */
    :: atomic { outcome == UNDECIDED && held < written -> held++ }
    od
}

#ifdef MUTANT_RELEASE_BEFORE_ACK
#define ACKED closed
#else
#define ACKED acked
#endif

#ifdef MUTANT_NO_WAIT
#define READY true
#else
#define READY (released == next)
#endif

#define DECIDES (engine && !told_alone && !told_taken)
#define TO_RELEASE (ACKED >= closed && released < closed)

proctype engine_of() {
    do
    /* Acknowledgements. */
#ifdef MUTANT_ACK_OF_PART
    :: atomic { engine && closed > acked -> acked = closed }
#endif
    :: atomic { engine && held > acked ->
        if
        :: acked = held
        :: held > acked + 1 -> acked = acked + 1
        fi;
        assert(acked <= closed) }                       /* ORDER */

    /* epoch_todo(), in its order. */
    :: atomic { DECIDES && TO_RELEASE ->                /* RELEASE */
        to_release = to_release + last; last = 0;
        released = closed }
    :: atomic { DECIDES && !TO_RELEASE && resume && closed != resume ->
        last = cur; cur = 0; unplugged = 0;             /* BUFFER */
        closed = resume }
    :: atomic { DECIDES && !TO_RELEASE && resume && closed == resume ->
        resume = 0;                                     /* RESUME */
        if
        :: suspended -> suspended = 0; epoch++; sent = 0
        :: else
        fi;
        next = closed }
    :: atomic { DECIDES && !TO_RELEASE && !resume && next && READY ->
        assert(released == closed);                     /* ORDER */
        next = 0; asked = 0;                            /* NEXT */
        begun++ }
    :: atomic { engine && told_alone && !released_all -> /* RELEASE_ALL */
        unplugged = 1; cur = 0; last = 0; to_release = 0;
        released_all = 1;
        if
        :: suspended -> suspended = 0; epoch++; sent = 0
        :: else
        fi }
    /* engine_output_end(): the guest has ended, and no gate keeps libxl until
     * there is a verdict: none comes. */
    :: atomic { engine && gone && !gate && !told_alone && !told_taken ->
#ifdef MUTANT_OPENS_WHEN_GONE
        unplugged = 1;
#else
        if
        :: closed ->
           do
           :: nempty(queue) -> queue?_
           :: empty(queue) -> break
           od;
           unplugged = 0
        :: else
        fi;
#endif
        cur = 0; last = 0; to_release = 0;
        engine = 0 }
    :: atomic { told_taken || released_all || !engine -> break }
    od
}

proctype world() {
    do
    :: atomic { outcome == UNDECIDED -> outcome = ALONE }
    :: atomic { outcome == UNDECIDED && held -> outcome = GRANTED }
    :: atomic { outcome == GRANTED ->
#ifdef MUTANT_RESUMES_OLDER
        taken_from = (held > 1 -> held - 1 : held);
#else
        taken_from = held;
#endif
        outcome = RUNS;
        assert(seen <= taken_from) }                    /* COMMIT */
    :: atomic { outcome == GRANTED -> outcome = BACK }
    /* The agent's verdict, which comes late. */
    :: atomic { (outcome == ALONE || outcome == BACK) && !told_alone ->
        told_alone = 1 }
#ifdef MUTANT_OPEN_WHEN_TAKEN
    :: atomic { outcome == GRANTED && !told_taken && !told_alone ->
        told_alone = 1 }
#endif
    :: atomic { outcome == RUNS && !told_taken && !told_alone ->
        told_taken = 1 }
    :: atomic { engine -> engine = 0 }
    :: atomic { gate -> gate = 0 }
    :: atomic { !gone -> gone = 1 }
#ifdef MUTANT_OPENS_WHEN_DEAD
    :: atomic { !engine && !unplugged -> unplugged = 1; cur = 0; last = 0;
        to_release = 0 }
#endif
    /* Another xl-remus protect begins (left_wait()): the rest of its life is
     * that of the first. */
#ifdef MUTANT_COMES_BACK_OPEN
#define MAY_OPEN true
#else
#define MAY_OPEN (outcome == ALONE || outcome == BACK)
#endif
    :: atomic { !engine && MAY_OPEN && !released_all ->
        unplugged = 1; cur = 0; last = 0; to_release = 0;
        released_all = 1 }
    /* xl-remus resume, after the verdict. */
    :: atomic { !engine && told_alone && !released_all ->
        unplugged = 1; cur = 0; last = 0; to_release = 0;
        released_all = 1; suspended = 0 }
    od
}

init {
    atomic {
        run guest(); run helper(); run stream(); run engine_of(); run world()
    }
}
