/* SPDX-License-Identifier: Apache-2.0 */

/* Parsers of what an operator writes (see values.h). */

#include <config.h>
#include "values.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "realtime.h"
#include "suggest.h"
#include "svec.h"
#include "util.h"
#include "view.h"

static bool
ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && !strcmp(s + n - m, end);
}

/* Names go into OVS's external_ids, certificates and hooks' arguments, so
 * they are kept simple.  'what' is "node", "domain" or "network". */
char *
parse_name(const char *what, const char *name)
{
    size_t n = strlen(name);

    if (!n || n > 63
        || !isalnum((unsigned char) name[0])
        || name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")]) {
        return xasprintf("\"%s\" cannot name a %s: use 1 to 63 letters, "
                         "digits and \"._+-\", beginning with a letter or a "
                         "digit", name, what);
    }
    if (ends_with(name, "--incoming") || ends_with(name, "--migratedaway")) {
        return xasprintf("\"%s\" cannot name a %s: xl gives names that end "
                         "like this to copies on their way", name, what);
    }
    return NULL;
}

/* Parses a numeric IPv4 or IPv6 address.  'canonical' and 'ipv6' may be
 * NULL. */
char *
parse_ip(const char *s, char **canonical, bool *ipv6)
{
    ovs_be32 ip4;
    struct in6_addr ip6;

    if (canonical) {
        *canonical = NULL;
    }
    if (ip_parse(s, &ip4)) {
        if (ipv6) {
            *ipv6 = false;
        }
        if (canonical) {
            *canonical = xasprintf(IP_FMT, IP_ARGS(ip4));
        }
        return NULL;
    }
    if (ipv6_parse(s, &ip6)) {
        if (ipv6) {
            *ipv6 = true;
        }
        if (canonical) {
            *canonical = xmalloc(INET6_ADDRSTRLEN);
            ipv6_string_mapped(*canonical, &ip6);
        }
        return NULL;
    }
    return xasprintf("\"%s\" is neither an IPv4 nor an IPv6 address: write "
                     "it in digits and without a prefix length, for example "
                     "192.0.2.1", s);
}

void
split_list(const char *s, struct svec *words)
{
    char *copy = xstrdup(s), *save = NULL;

    for (char *word = strtok_r(copy, ",", &save); word;
         word = strtok_r(NULL, ",", &save)) {
        size_t n;

        word += strspn(word, " \t");
        n = strlen(word);
        while (n && (word[n - 1] == ' ' || word[n - 1] == '\t')) {
            word[--n] = '\0';
        }
        if (n) {
            svec_add(words, word);
        }
    }
    free(copy);
}

/* "SOMETHING: did you mean X?" for a word that is none of 'choices'. */
char *
parse_choice(const char *what, const char *s, const char *const choices[])
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    size_t n = 0;

    ds_put_format(&ds, "%s \"%s\": write one of ", what, s);
    for (; choices[n]; n++) {
        if (!strcmp(s, choices[n])) {
            ds_destroy(&ds);
            return NULL;
        }
        ds_put_format(&ds, "%s%s", n ? ", " : "", choices[n]);
    }

    const char *near = suggest(s, choices, n);
    if (near) {
        ds_put_format(&ds, "; did you mean %s?", near);
    }
    return ds_steal_cstr(&ds);
}

/* Parses "server,gateway". */
char *
parse_roles(const char *s, struct svec *roles)
{
    static const char *const all[] = { "server", "gateway", "router", NULL };
    char *error = NULL;

    split_list(s, roles);
    if (!roles->n) {
        return xstrdup("no role given: write one or more of server, "
                       "gateway, router, separated by commas");
    }
    for (size_t i = 0; i < roles->n && !error; i++) {
        error = parse_choice("role", roles->names[i], all);
    }
    svec_sort_unique(roles);
    return error;
}

/* Parses a class of traffic that bypasses the output buffer (realtime.h). */
char *
parse_realtime(const char *s)
{
    struct remus_class class;

    return remus_class_parse(s, &class);
}

/* Parses "MAC [IP...][,MAC [IP...]]...".  Adds each address to 'canonical' in
 * the one way in which we write it. */
char *
parse_addresses(const char *s, struct svec *canonical)
{
    struct svec words = SVEC_EMPTY_INITIALIZER;
    char *error = NULL;

    split_list(s, &words);
    for (size_t i = 0; i < words.n && !error; i++) {
        struct dts_address a;
        struct ds ds = DS_EMPTY_INITIALIZER;

        error = dts_address_parse(words.names[i], &a);
        if (error) {
            break;
        }
        ds_put_format(&ds, ETH_ADDR_FMT, ETH_ADDR_ARGS(a.mac));
        for (size_t j = 0; j < a.n_ip4; j++) {
            ds_put_format(&ds, " "IP_FMT, IP_ARGS(a.ip4[j]));
        }
        for (size_t j = 0; j < a.n_ip6; j++) {
            ds_put_char(&ds, ' ');
            ipv6_format_addr(&a.ip6[j], &ds);
        }
        svec_add_nocopy(canonical, ds_steal_cstr(&ds));
        dts_address_uninit(&a);
    }
    svec_destroy(&words);
    return error;
}

/* Splits "KEY=VALUE".  '_' in the key's first part becomes '-', so that a key
 * may be written like the column or like the option ("bfd_min_tx",
 * "bfd-min-tx"); what follows a ':' is left alone. */
char *
parse_key_value(const char *s, char **key, char **value)
{
    const char *equals = strchr(s, '=');

    *key = *value = NULL;
    if (!equals || equals == s) {
        return xasprintf("\"%s\": write KEY=VALUE", s);
    }
    *key = xmemdup0(s, equals - s);
    *value = xstrdup(equals + 1);
    for (char *p = *key; *p && *p != ':'; p++) {
        if (*p == '_') {
            *p = '-';
        }
    }
    return NULL;
}

char *
parse_integer(const char *what, const char *s, int64_t low, int64_t high,
              int64_t *value)
{
    long long int n;

    if (!str_to_llong(s, 10, &n) || n < low || n > high) {
        return xasprintf("%s \"%s\" is not a number from %"PRId64" to "
                         "%"PRId64, what, s, low, high);
    }
    *value = n;
    return NULL;
}

char *
parse_bool(const char *what, const char *s, bool *value)
{
    if (!strcmp(s, "true") || !strcmp(s, "yes") || !strcmp(s, "1")) {
        *value = true;
    } else if (!strcmp(s, "false") || !strcmp(s, "no") || !strcmp(s, "0")) {
        *value = false;
    } else {
        return xasprintf("%s \"%s\": write true or false", what, s);
    }
    return NULL;
}
