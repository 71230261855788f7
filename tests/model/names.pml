/* SPDX-License-Identifier: Apache-2.0 */

/* What the models share: the words of the database (remus-hooks/lib/view.h)
 * and of a replication session. */

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

typedef binding {
    bit owner;
    unsigned gen : 3;
    unsigned sess : 2;
    unsigned st : 3;
};
