/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_STATUS_H
#define DTS_STATUS_H 1

struct json;

void status_init(void);
struct json *status_hello(void);
/* 'domain' may be NULL: all. */
struct json *status_json(const char *domain);

#endif /* status.h */
