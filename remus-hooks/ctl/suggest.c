/* SPDX-License-Identifier: Apache-2.0 */

/* "Did you mean X?": which of the names that there are is nearest to the one
 * that was typed.  Pure. */

#include <config.h>
#include "suggest.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "util.h"

static int
lower(char c)
{
    return c == '_' ? '-' : tolower((unsigned char) c);
}

/* How many letters must be inserted, deleted, replaced or swapped with their
 * neighbour to make 'b' out of 'a' (optimal string alignment).  Upper and
 * lower case, '-' and '_' are the same. */
unsigned int
edit_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    unsigned int *rows = xmalloc(3 * (m + 1) * sizeof *rows);
    unsigned int *before = rows, *last = rows + m + 1;
    unsigned int *row = rows + 2 * (m + 1);

    for (size_t j = 0; j <= m; j++) {
        last[j] = j;
    }
    for (size_t i = 1; i <= n; i++) {
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            bool same = lower(a[i - 1]) == lower(b[j - 1]);

            row[j] = last[j - 1] + !same;
            row[j] = MIN(row[j], last[j] + 1);
            row[j] = MIN(row[j], row[j - 1] + 1);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2])
                && lower(a[i - 2]) == lower(b[j - 1])) {
                row[j] = MIN(row[j], before[j - 2] + 1);
            }
        }

        unsigned int *spare = before;
        before = last;
        last = row;
        row = spare;
    }

    unsigned int distance = last[m];
    free(rows);
    return distance;
}

/* Returns the one of the 'n' 'candidates' that is nearest to 'word', or NULL
 * if none is near enough to be meant (a third of its letters, at least one).
 * A candidate that begins with 'word' (of three letters or more) is near. */
const char *
suggest(const char *word, const char *const candidates[], size_t n)
{
    const char *best = NULL;
    unsigned int best_distance = UINT_MAX;
    size_t len = strlen(word);

    for (size_t i = 0; i < n; i++) {
        unsigned int d = edit_distance(word, candidates[i]);
        unsigned int limit = MAX(1, MAX(len, strlen(candidates[i])) / 3);

        if (d > limit && len >= 3
            && !strncasecmp(word, candidates[i], len)) {
            d = limit;
        }
        if (d <= limit && d < best_distance) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best;
}
