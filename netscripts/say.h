/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_SAY_H
#define DTS_SAY_H 1

#include <openvswitch/compiler.h>

/* Says something on standard error, which libxl keeps in xl's log, and to
 * syslog with 'priority' (syslog(3)), both under 'program_name'
 * (set_program_name()). */
void say(int priority, const char *format, ...) OVS_PRINTF_FORMAT(2, 3);

#endif /* say.h */
