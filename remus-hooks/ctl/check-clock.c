/* SPDX-License-Identifier: Apache-2.0 */

/* `dts-ctl check`: what the kernel's word about its clock means.
 *
 * Nothing decides by the clock.  But the phases of a failover are each node's
 * own, and only clocks that agree let them be compared. */

#include <config.h>
#include "check-clock.h"

#include <sys/timex.h>

#include "check-lines.h"
#include "util.h"

void
check_clock_judge(struct check_lines *lines, int state, int error,
                  const struct timex *t)
{
    if (state < 0) {
        check_bad(lines, CHECK_WARN, "clock", xstrdup("look at timedatectl"),
                  "the kernel does not tell the clock's state (%s)",
                  ovs_strerror(error));
    } else if (state == TIME_ERROR || (t->status & STA_UNSYNC)) {
        check_bad(lines, CHECK_WARN, "clock",
                  xstrdup("apt install chrony (in dom0)"),
                  "the clock is not synchronised: the phases of a failover "
                  "cannot be compared across nodes (nothing else needs it)");
    } else {
        check_ok(lines, "clock", "synchronised, within %ld ms",
                 t->maxerror / 1000);
    }
}
