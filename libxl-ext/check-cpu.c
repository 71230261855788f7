/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest's CPU has and a host's lacks: see the header.
 *
 * Xen's own comparison, xc_cpu_policy_is_compatible(), is of few words: it
 * accepts a guest of another vendor, or with instructions that this CPU has
 * not, and a restore then takes these bits away without a word.  But the
 * guest has looked at them when it booted, and goes on to use what they
 * promised. */

#include <config.h>

#include "check-cpu.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

#define ANY UINT32_MAX

/* Words of features.  'not' are bits that say nothing of the CPU. */
static const struct {
    uint32_t leaf, subleaf;
    size_t reg;
    const char *name;
    uint32_t not;
} words[] = {
#define WORD(LEAF, SUBLEAF, REG, NOT)                                   \
    { LEAF, SUBLEAF, offsetof(struct check_leaf, REG), "e" #REG "x", NOT }
    /* X2APIC, which Xen emulates; OSXSAVE, of CR4; that there is a
     * hypervisor. */
    WORD(0x1, ANY, c, 1u << 21 | 1u << 27 | 1u << 31),
    /* APIC, which a guest can switch off, and which Xen emulates; HTT, which
     * says how to read the topology. */
    WORD(0x1, ANY, d, 1u << 9 | 1u << 28),
    /* Two that say that the FPU does less. */
    WORD(0x7, 0, b, 1u << 6 | 1u << 13),
    WORD(0x7, 0, c, 1u << 4),           /* OSPKE, of CR4. */
    WORD(0x7, 0, d, 0),
    WORD(0x7, 1, a, 0),
    WORD(0xd, 1, a, 0),
    WORD(0x80000001, ANY, c, 1u << 1),  /* CMP_LEGACY: the topology. */
    /* Of AMD's those of leaf 1 over again: a guest has them here, and Xen's
     * policies of a host have them there only. */
    WORD(0x80000001, ANY, d, 0x0183f3ff),
    WORD(0x80000007, ANY, d, 0),
    WORD(0x80000008, ANY, b, 0),
    WORD(0x80000021, ANY, a, 0),
#undef WORD
};

static const struct check_leaf *
find(const struct check_leaf *leaves, size_t n, uint32_t leaf,
     uint32_t subleaf)
{
    for (size_t i = 0; i < n; i++) {
        if (leaves[i].leaf == leaf
            && (subleaf == ANY || leaves[i].subleaf == subleaf)) {
            return &leaves[i];
        }
    }
    return NULL;
}

static uint32_t
word(const struct check_leaf *l, size_t reg)
{
    uint32_t w = 0;

    if (l) {
        memcpy(&w, (const char *) l + reg, sizeof w);
    }
    return w;
}

/* The vendor's name; "?": none that could be printed. */
static void
vendor(const struct check_leaf *l, char name[13])
{
    memcpy(name, &l->b, 4);
    memcpy(name + 4, &l->d, 4);
    memcpy(name + 8, &l->c, 4);
    name[12] = '\0';
    for (char *p = name; *p; p++) {
        *p = *p >= 0x20 && *p < 0x7f ? *p : '?';
    }
    if (!name[0]) {
        strcpy(name, "?");
    }
}

char *
check_cpu_lacks(const struct check_leaf *guest, size_t n_guest,
                const struct check_leaf *host, size_t n_host)
{
    const struct check_leaf *g = find(guest, n_guest, 0, ANY);
    const struct check_leaf *h = find(host, n_host, 0, ANY);
    struct ds ds = DS_EMPTY_INITIALIZER;

    if (!g || !h) {
        return xstrdup("one of the two says nothing of itself");
    } else if (g->b != h->b || g->c != h->c || g->d != h->d) {
        char theirs[13], ours[13];

        vendor(g, theirs);
        vendor(h, ours);
        return xasprintf("it is one of %s, this host's of %s", theirs, ours);
    }
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        g = find(guest, n_guest, words[i].leaf, words[i].subleaf);
        h = find(host, n_host, words[i].leaf, words[i].subleaf);
        uint32_t lacks = (word(g, words[i].reg) & ~word(h, words[i].reg)
                          & ~words[i].not);

        if (lacks) {
            ds_put_format(&ds, "%sleaf %#"PRIx32, ds.length ? ", " : "",
                          words[i].leaf);
            if (words[i].subleaf != ANY) {
                ds_put_format(&ds, ".%"PRIx32, words[i].subleaf);
            }
            ds_put_format(&ds, " %s", words[i].name);
            for (int bit = 0; bit < 32; bit++) {
                if (lacks & 1u << bit) {
                    ds_put_format(&ds, " %d", bit);
                }
            }
        }
    }
    if (!ds.length) {
        ds_destroy(&ds);
        return NULL;
    }
    return ds_steal_cstr(&ds);
}
