/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CTL_VALUES_H
#define DTS_CTL_VALUES_H 1

/* Parsers of what an operator writes.  Pure: no database, no clock.
 * Each returns NULL or an error to be freed that says what is wrong with the
 * value and how it is written. */

#include <stdbool.h>
#include <stdint.h>

struct svec;

char *parse_name(const char *what, const char *name);
char *parse_ip(const char *s, char **canonical, bool *ipv6);
char *parse_roles(const char *s, struct svec *roles);
char *parse_realtime(const char *s);
char *parse_addresses(const char *s, struct svec *canonical);
char *parse_key_value(const char *s, char **key, char **value);
char *parse_integer(const char *what, const char *s, int64_t low,
                    int64_t high, int64_t *value);
char *parse_choice(const char *what, const char *s,
                   const char *const choices[]);
char *parse_bool(const char *what, const char *s, bool *value);
void split_list(const char *s, struct svec *);

#endif /* values.h */
