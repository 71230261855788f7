/* SPDX-License-Identifier: Apache-2.0 */
/* When the next checkpoint has to wait for the standby: see the header. */

#include <config.h>

#include "pace.h"

void
pace_written(struct pace *p, uint64_t n, long long int now)
{
    p->at[n % PACE_WINDOW] = now;
    p->n = n;
}

bool
pace_lags(const struct pace *p, int64_t acked, long long int now)
{
    uint64_t oldest = (uint64_t) acked + 1;

    if (acked < 0 || oldest > p->n) {
        return false;
    }
    return (p->n - oldest >= PACE_WINDOW - 1
            || now - p->at[oldest % PACE_WINDOW] > PACE_LAG_MS);
}
