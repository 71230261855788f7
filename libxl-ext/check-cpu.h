/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CHECK_CPU_H
#define DTS_CHECK_CPU_H 1

/* What a guest's CPU has and a host's lacks, by their CPUID leaves.
 *
 * Pure. */

#include <stddef.h>
#include <stdint.h>

/* As Xen's xen_cpuid_leaf_t. */
struct check_leaf {
    uint32_t leaf, subleaf;     /* UINT32_MAX: it has no subleaves. */
    uint32_t a, b, c, d;
};

/* NULL: nothing is lacking.  Else what is, to be freed. */
char *check_cpu_lacks(const struct check_leaf *guest, size_t n_guest,
                      const struct check_leaf *host, size_t n_host);

#endif /* check-cpu.h */
