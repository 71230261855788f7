/* SPDX-License-Identifier: Apache-2.0 */
/* Is a copy of a domain made?  See the header.
 *
 * Nobody knows that alone.  The agent knows our sessions, but not stock xl's;
 * the lock is that of `xl-remus protect`; and whoever saves a domain by libxl
 * does it by a process of its own, Xen's helper or our gate before it, whose
 * arguments have the domain's number (see dts-save-helper.c). */

#include <config.h>

#include "check-copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check-wire.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "util.h"

const char *
check_copy_known(const struct json *domain)
{
    const char *state = check_string(domain, "state");
    const struct json *sessions = (domain && domain->type == JSON_OBJECT
                                   ? shash_find_data(json_object(domain),
                                                     "sessions") : NULL);

    if (!strcmp(state, "protected")) {
        return "it is protected";
    } else if (!strcmp(state, "granted") || !strcmp(state, "released")) {
        return "it is on its way to its standby";
    } else if (sessions && sessions->type == JSON_ARRAY
               && json_array(sessions)->n) {
        return "dts-agent knows a session of it, or did a minute ago";
    }
    return NULL;
}

static const char *
name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* HELPER --save-domain FD FD DOMID ... */
static bool
saves(const char *args, size_t n, uint32_t domid)
{
    const char *words[5], *end = args + n;
    uint32_t number;
    size_t i = 0;

    for (const char *p = args; p < end && i < ARRAY_SIZE(words);
         p += strlen(p) + 1) {
        words[i++] = p;
    }
    if (i < ARRAY_SIZE(words) || strcmp(words[1], "--save-domain")
        || !str_to_uint(words[4], 10, &number) || number != domid) {
        return false;
    }
    return (!strcmp(name_of(words[0]), "dts-save-helper")
            || !strcmp(name_of(words[0]), "libxl-save-helper"));
}

bool
check_saver_runs(const char *proc, uint32_t domid)
{
    DIR *dir = opendir(proc);
    struct dirent *e;
    bool found = false;

    while (dir && !found && (e = readdir(dir))) {
        char *path, args[4096];
        ssize_t n = 0;
        int fd;

        if (e->d_name[0] < '1' || e->d_name[0] > '9') {
            continue;
        }
        path = xasprintf("%s/%s/cmdline", proc, e->d_name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            n = read(fd, args, sizeof args - 1);
            close(fd);
        }
        if (n > 0) {
            args[n] = '\0';
            found = saves(args, n, domid);
        }
        free(path);
    }
    if (dir) {
        closedir(dir);
    }
    return found;
}
