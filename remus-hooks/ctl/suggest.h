/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_SUGGEST_H
#define DTS_SUGGEST_H 1

#include <stddef.h>

unsigned int edit_distance(const char *a, const char *b);
const char *suggest(const char *word, const char *const candidates[],
                    size_t n);

#endif /* suggest.h */
