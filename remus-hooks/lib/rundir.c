/* SPDX-License-Identifier: Apache-2.0 */

/* The run directory, for all of our programs: the same for those that link no
 * more of this library (rundir.h). */

#include <config.h>
#include "rundir.h"

#include <stdlib.h>

const char *
dts_rundir(void)
{
    const char *dir = getenv("DTS_RUNDIR");

    return dir && dir[0] ? dir : DTS_RUNDIR;
}
