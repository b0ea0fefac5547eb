/* The withdrawal barrier, small enough to look at every order of events (guarantees P1 and P4).
 *
 * One person, one message in the outbox, a relay that may die or sleep anywhere, a customer who may withdraw,
 * and a receiver that remembers the keys it has seen. What the service does in one transaction while it holds
 * the person's lock is one `atomic` step here, because nobody else can see its middle; where the lock is taken
 * away (-DBROKEN_LOCK) the same step falls apart into what it reads and what it writes, and the others come in
 * between.
 *
 * The message's life, as its row tells it:
 *
 *     QUEUED --claim--> IN_FLIGHT --confirmed--> DELIVERED
 *        ^                  |
 *        |<--- known failure, or the lease ran out: the next attempt is a new claim, which evaluates again
 *        |
 *        `--- withdrawal --> CANCELLED        (a withdrawal lists IN_FLIGHT and DELIVERED as irrevocable)
 *
 * A relay that slept past its lease wakes up and sends all the same: nothing can stop it. That is why the claim,
 * and not the send, is the hand-over, why the withdrawal must list what is in flight, and why the receiver must
 * recognise the key. A claim carries a number, so that a late relay cannot confirm somebody else's attempt.
 *
 * Variants, each of which must be caught:
 *   -DBROKEN_LOCK            neither the claim nor the withdrawal takes the lock
 *   -DEVALUATE_BEFORE_LOCK   the claim takes the lock, but decides on what it read before. The row's state does
 *                            not help: a retry of what was in flight finds it queued again, after the answer
 *   -DFORGETFUL_ANSWER       the withdrawal does not list what is in flight
 *   -DFORGETFUL_RECEIVER     the receiver does not recognise a key it has seen
 *   -DNO_LEASE               an attempt whose relay died is never taken up again
 */

#ifndef ATTEMPTS
#define ATTEMPTS 3          /* how often the relays may claim; the last attempts do not die (fairness, below) */
#endif
#define FAILURES 2          /* crashes, lost sends and lost confirmations together */

mtype = { QUEUED, IN_FLIGHT, DELIVERED, CANCELLED };

/* What the database holds. */
mtype message = QUEUED;
bool allowed = true;        /* the person's choice, under the person's lock */
byte claim = 0;             /* the number of the latest claim */
bool leased = false;        /* a claim's lease still runs */

/* What the customer was told. */
bool withdrew = false;      /* she has asked */
bool answered = false;      /* she has her answer */
bool listed = false;        /* it named the message as irrevocable */
bool told_cancelled = false;/* it named the message as cancelled */

/* What the receiver has. */
byte arrived = 0;           /* how often the request reached it */
byte effects = 0;           /* what came of it, after looking at the key */
bool forbidden = false;     /* it first arrived after an answer that did not list it */
bool late = false;          /* it was claimed, which is the hand-over, after the answer */
bool undead = false;        /* it arrived although it was answered as cancelled */

byte failures = 0;

/* The receiver: the key is the message's, the same in every attempt. */
inline receive() {
    d_step {
        if
        :: arrived == 0 && answered && !listed -> forbidden = true
        :: else
        fi;
        if
        :: told_cancelled -> undead = true
        :: else
        fi;
        if
        :: arrived < 3 -> arrived++
        :: else
        fi;
#ifdef FORGETFUL_RECEIVER
        if
        :: effects < 3 -> effects++
        :: else
        fi
#else
        effects = 1
#endif
    }
}

/* A relay. Two of them run, so that one may sleep while the other takes its message over. */
active [2] proctype Relay() {
    byte mine = 0;          /* the number of the claim that this relay made */
    bool may;

    do
    :: /* Claim one attempt: lock, read, evaluate, mark in flight, commit. */
       message == QUEUED && claim < ATTEMPTS ->
#if defined(BROKEN_LOCK) || defined(EVALUATE_BEFORE_LOCK)
       may = allowed;       /* read too early: the withdrawal may commit before the next step */
       atomic {
           if
           :: message == QUEUED && claim < ATTEMPTS && may ->
              message = IN_FLIGHT; claim++; mine = claim; leased = true; late = late || answered
           :: else -> mine = 0
           fi
       };
#else
       atomic {
           may = allowed;
           if
           :: message == QUEUED && claim < ATTEMPTS && may ->
              message = IN_FLIGHT; claim++; mine = claim; leased = true; late = late || answered
           :: message == QUEUED && !may -> message = CANCELLED; mine = 0
           :: else -> mine = 0
           fi
       };
#endif
       /* Between claim and send it may sleep as long as it likes: every process may pause between any two
          steps, so nothing needs to be written for it. It may also die here. */
       if
       :: mine == 0 -> skip
       :: atomic { mine != 0 && failures < FAILURES -> failures++; mine = 0 }  /* killed before the send */
       :: atomic { mine != 0 && failures < FAILURES ->
          /* The send certainly failed: the next attempt is a new claim. */
              failures++;
              if
              :: message == IN_FLIGHT && claim == mine -> message = QUEUED; leased = false
              :: else
              fi;
              mine = 0
          }
       :: mine != 0 ->
          receive();
          if
          :: atomic { failures < FAILURES -> failures++; mine = 0 }            /* killed after the send */
          :: /* The receiver said yes. Only the latest claim may confirm. */
             atomic {
                 if
                 :: message == IN_FLIGHT && claim == mine -> message = DELIVERED; leased = false
                 :: else
                 fi;
                 mine = 0
             }
          fi
       fi
    :: message == DELIVERED || message == CANCELLED || claim >= ATTEMPTS && !leased -> break
    od
}

/* Time: a lease may run out at any moment while an attempt is open, whether its relay is dead or asleep. */
active proctype Lease() {
    do
#ifndef NO_LEASE
    :: atomic { message == IN_FLIGHT && leased && claim < ATTEMPTS ->
           message = QUEUED; leased = false }
#endif
    :: message == DELIVERED || message == CANCELLED -> break
    :: claim >= ATTEMPTS -> break
    od
}

/* The customer, who may withdraw at any moment or never. */
active proctype Customer() {
    bool waiting;
    bool flying;

    if
    :: withdrew = true
    :: goto stays
    fi;
#ifdef BROKEN_LOCK
    allowed = false;
    waiting = (message == QUEUED);
    flying = (message == IN_FLIGHT || message == DELIVERED || claim > 0);
    atomic {
        if
        :: waiting && message == QUEUED -> message = CANCELLED; told_cancelled = (claim == 0)
        :: else
        fi;
        listed = flying
    };
#else
    /* Lock, write the choice, cancel what waits, list what had left, commit. A message that waits for another
       attempt has been claimed before: a sleeping relay may yet send it, so it is listed and not called
       cancelled. */
    atomic {
        allowed = false;
        waiting = (message == QUEUED);
        flying = (claim > 0);
#ifdef FORGETFUL_ANSWER
        flying = (message == DELIVERED);
#endif
        if
        :: waiting -> message = CANCELLED; told_cancelled = (claim == 0)
        :: else
        fi;
        listed = flying
    };
#endif
    answered = true;
stays:
    skip
}

/* P1: nothing is handed over after an answer that forbids it, not even another attempt at what it listed;
   nothing forbidden arrives after an answer, unless that answer listed it; what it called cancelled never
   arrives. */
ltl barrier { [] (!late && !forbidden && !undead) }

/* P4: at the receiver one key has one effect. */
ltl once { [] (effects <= 1) }

/* P4: what stays allowed arrives. Under weak fairness (spin -f): whoever can go on does at last. */
ltl arrives { <> (withdrew || effects >= 1) }
