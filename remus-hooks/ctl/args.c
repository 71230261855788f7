/* SPDX-License-Identifier: Apache-2.0 */

/* Puts the words of the command line into the order that db-ctl-base wants.
 *
 * db-ctl-base takes a command's options before the command's name only, and
 * each of them once.  An operator writes "domain-add voip --network=voice
 * --address=... --address=...".  So for our own commands (the generic ones are
 * left as they are: their arguments may look like anything) options are moved
 * before the name, options of dts-ctl itself to the very front, "--key 10"
 * becomes "--key=10", and an option given several times is given once with its
 * values joined by commas.  Pure. */

#include <config.h>
#include "args.h"

#include <string.h>

#include "suggest.h"
#include "util.h"

struct arranger {
    const struct option *global;
    const struct ctl_command_syntax *const *own;
    struct svec front;          /* Options of dts-ctl. */
    struct svec options;        /* Options of the command. */
    struct svec words;          /* The command's name and arguments. */
};

enum takes { TAKES_UNKNOWN, TAKES_NONE, TAKES_OPTIONAL, TAKES_REQUIRED };

static const struct ctl_command_syntax *
find_own(const struct arranger *a, const char *name)
{
    for (size_t i = 0; a->own[i]; i++) {
        for (const struct ctl_command_syntax *c = a->own[i]; c->name; c++) {
            if (!strcmp(c->name, name)) {
                return c;
            }
        }
    }
    return NULL;
}

/* Whether the option "--name" ('len' bytes without the dashes) of 'command'
 * takes a value. */
static enum takes
command_option(const struct ctl_command_syntax *command, const char *name,
               size_t len)
{
    const char *s = command ? command->options : "";

    while (*s) {
        size_t n = strcspn(s, ",");
        size_t m = strcspn(s, ",=?");

        if (m == len + 2 && !strncmp(s + 2, name, len)) {
            return (s[m] == '=' ? TAKES_REQUIRED
                    : s[m] == '?' ? TAKES_OPTIONAL : TAKES_NONE);
        }
        s += n + (s[n] == ',');
    }
    return TAKES_UNKNOWN;
}

static enum takes
global_option(const struct arranger *a, const char *name, size_t len)
{
    for (const struct option *o = a->global; o->name; o++) {
        if (strlen(o->name) == len && !strncmp(o->name, name, len)) {
            return (o->has_arg == required_argument ? TAKES_REQUIRED
                    : o->has_arg == optional_argument ? TAKES_OPTIONAL
                    : TAKES_NONE);
        }
    }
    return TAKES_UNKNOWN;
}

/* The long name of the short option 'c' of dts-ctl, or NULL. */
static const struct option *
short_option(const struct arranger *a, char c)
{
    for (const struct option *o = a->global; o->name; o++) {
        if (o->val == c) {
            return o;
        }
    }
    return NULL;
}

/* Adds "--name[=value]" to 'options', joined to an earlier one of the name. */
static void
add_command_option(struct svec *options, const char *name, size_t len,
                   const char *value)
{
    for (size_t i = 0; value && i < options->n; i++) {
        char *old = options->names[i];

        if (!strncmp(old + 2, name, len) && old[len + 2] == '=') {
            options->names[i] = xasprintf("%s,%s", old, value);
            free(old);
            return;
        }
    }
    svec_add_nocopy(options, xasprintf("--%.*s%s%s", (int) len, name,
                                       value ? "=" : "",
                                       value ? value : ""));
}

static char *
unknown_option(const struct ctl_command_syntax *command, const char *word)
{
    struct svec names = SVEC_EMPTY_INITIALIZER;
    char *copy = xstrdup(command->options), *save = NULL;
    char *name = xmemdup0(word, strcspn(word, "="));

    for (char *s = strtok_r(copy, ",=?", &save); s;
         s = strtok_r(NULL, ",=?", &save)) {
        svec_add(&names, s);
    }

    const char *near = suggest(name, (const char *const *) names.names,
                               names.n);
    char *error = xasprintf("'%s' has no option '%s'%s%s%s", command->name,
                            name, near ? ": did you mean " : "",
                            near ? near : "", near ? "?" : "");
    svec_destroy(&names);
    free(copy);
    free(name);
    return error;
}

/* Handles the option argv[i].  'command' is NULL before the command's name,
 * where an unknown option is left for getopt.  Returns the number of words
 * used up, or 0 and '*error'. */
static size_t
arrange_option(struct arranger *a, const struct ctl_command_syntax *command,
               char *argv[], char **error)
{
    char *word = argv[0];

    if (word[1] != '-') {
        const struct option *o = short_option(a, word[1]);

        if (command && !strcmp(command->name, "events")
            && word[1] == 'n') {
            const char *value = word[2] ? word + 2 : argv[1];
            if (!value) {
                *error = xstrdup("'events': -n needs a number");
                return 0;
            }
            add_command_option(&a->options, "last", 4, value);
            return word[2] ? 1 : 2;
        } else if (!o && command) {
            *error = unknown_option(command, word);
            return 0;
        }
        svec_add(&a->front, word);
        if (o && o->has_arg == required_argument && !word[2] && argv[1]) {
            svec_add(&a->front, argv[1]);
            return 2;
        }
        return 1;
    }

    const char *name = word + 2;
    size_t len = strcspn(name, "=");
    const char *value = name[len] ? name + len + 1 : NULL;
    enum takes takes = command_option(command, name, len);
    struct svec *to = &a->options;
    if (takes == TAKES_UNKNOWN) {
        takes = global_option(a, name, len);
        to = &a->front;
    }
    if (takes == TAKES_UNKNOWN) {
        if (command) {
            *error = unknown_option(command, word);
            return 0;
        }
        svec_add(&a->options, word);
        return 1;
    }

    size_t used = 1;
    if (takes == TAKES_REQUIRED && !value) {
        value = argv[1];
        if (!value || !strcmp(value, "--")) {
            *error = xasprintf("option '%s' needs a value", word);
            return 0;
        }
        used = 2;
    }
    if (to == &a->options) {
        add_command_option(to, name, len, value);
    } else {
        svec_add_nocopy(to, xasprintf("--%.*s%s%s", (int) len, name,
                                      value ? "=" : "", value ? value : ""));
    }
    return used;
}

/* The command of the segment that begins at argv[0], or NULL.  An option of
 * dts-ctl may have its value in a word of its own. */
static const struct ctl_command_syntax *
segment_command(const struct arranger *a, char *argv[])
{
    for (size_t i = 0; argv[i] && strcmp(argv[i], "--"); i++) {
        const char *word = argv[i];

        if (word[0] != '-' || !word[1]) {
            return find_own(a, word);
        }
        const struct option *o;
        if (word[1] != '-') {
            o = short_option(a, word[1]);
            if (o && o->has_arg == required_argument && !word[2]) {
                i++;
            }
        } else if (!strchr(word, '=')
                   && global_option(a, word + 2, strlen(word + 2))
                      == TAKES_REQUIRED) {
            i++;
        }
        if (!argv[i]) {
            break;
        }
    }
    return NULL;
}

/* Arranges argv[1] and on into 'arranged' (which begins with argv[0]), for
 * the commands of the tables 'own' and dts-ctl's options 'global'.  Returns
 * NULL or an error to be freed. */
char *
arrange_arguments(char *argv[], const struct option *global,
                  const struct ctl_command_syntax *const own[],
                  struct svec *arranged)
{
    struct arranger a = {
        .global = global,
        .own = own,
        .front = SVEC_EMPTY_INITIALIZER,
    };
    struct svec rest = SVEC_EMPTY_INITIALIZER;
    char *error = NULL;

    svec_add(arranged, argv[0]);
    argv++;
    while (*argv && !error) {
        const struct ctl_command_syntax *command = segment_command(&a, argv);
        bool named = false;

        svec_init(&a.options);
        svec_init(&a.words);
        while (*argv && strcmp(*argv, "--")) {
            bool is_option = (*argv)[0] == '-' && (*argv)[1];

            if (is_option && (!named || command)) {
                size_t n = arrange_option(&a, named || command
                                          ? command : NULL, argv, &error);
                if (!n) {
                    break;
                }
                argv += n;
            } else {
                named = true;
                svec_add(&a.words, *argv++);
            }
        }
        if (rest.n) {
            svec_add(&rest, "--");
        }
        svec_append(&rest, &a.options);
        svec_append(&rest, &a.words);
        svec_destroy(&a.options);
        svec_destroy(&a.words);
        if (*argv && !error) {
            argv++;
        }
    }
    svec_append(arranged, &a.front);
    svec_append(arranged, &rest);
    svec_destroy(&a.front);
    svec_destroy(&rest);
    return error;
}
