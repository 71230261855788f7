/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_PAGE_CACHE_H
#define DTS_PAGE_CACHE_H 1

/* Pages as they were when they were last sent, as many as there is room for.
 *
 * Both ends of a link keep one.  What is in it follows from the calls alone:
 * the same calls, the same contents.
 *
 * A page has a few places only where it can be (a set of eight).  A page that
 * is found there gains in value.  One that is not takes the place of the next
 * in turn; but if that has some value left, it only takes that away.  So pages
 * that are sent at each checkpoint stay, also while a whole guest passes by;
 * and where more are sent than there is room for, some of them stay, instead
 * of each making room for the next. */

#include <stdbool.h>
#include <stdint.h>

#define PAGE_CACHE_PAGE 4096
#define PAGE_CACHE_WAYS 8

struct page_cache;

/* Of about 'mb' MB, a power of two of them or less; 0: keeps nothing. */
struct page_cache *page_cache_create(unsigned int mb);
void page_cache_destroy(struct page_cache *);

/* The page's content when it was last sent, to be changed into what it is
 * now; NULL if that is not known. */
uint8_t *page_cache_find(struct page_cache *, uint64_t pfn);
/* A page that is not there: where its content is to be put, or NULL if others
 * are worth more. */
uint8_t *page_cache_insert(struct page_cache *, uint64_t pfn);
/* It became a page of zeros: nothing worth to remember. */
void page_cache_forget(struct page_cache *, uint64_t pfn);

#endif /* page-cache.h */
