/* SPDX-License-Identifier: Apache-2.0 */
/* `xl-remus check`: files compared, and the messages between the two ends. */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../libxl-ext/check-files.h"
#include "../../libxl-ext/check-io.h"
#include "check-lines.h"
#include "../../libxl-ext/check-wire.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "util.h"

/* ------------------------------------------------------------------- files */

#define HASH "0123456789abcdef0123456789abcdef01234567"

static char dir[64];

static char *
put(const char *name, const char *content, size_t n)
{
    char *path = xasprintf("%s/%s", dir, name);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(content, 1, n, f), n);
    fclose(f);
    return path;
}

/* Compares 'f' with what is there; the level and, in '*text', the sentence. */
static enum check_level
compare(const struct check_file *f, char **text)
{
    uint64_t budget = CHECK_HASH_ALL;
    enum check_level level;
    struct check_lines c;

    check_lines_init(&c, "hostB");
    check_file_compare(&c, f, &budget);
    assert_int_equal(c.n, 1);
    level = c.lines[0].level;
    free(*text);
    *text = xstrdup(c.lines[0].text);
    check_lines_uninit(&c);
    return level;
}

static void
test_files(void **state OVS_UNUSED)
{
    struct check_file f = { .kind = CHECK_FILE_KERNEL };
    uint64_t budget = CHECK_HASH_ALL, little = 3;
    char *text = NULL, *fifo;

    strcpy(dir, "/tmp/test-check.XXXXXX");
    assert_non_null(mkdtemp(dir));
    f.what = xstrdup("kernel");
    f.path = put("k", "hello", 5);
    assert_int_equal(check_file_look(&f, NULL, &budget), 0);
    assert_int_equal(f.size, 5);
    assert_int_equal(f.hashed, 5);
    assert_string_equal(f.sha1, "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
    assert_int_equal(budget, CHECK_HASH_ALL - 5);
    assert_int_equal(compare(&f, &text), CHECK_OK);

    /* Another content, another size, gone: as it matters. */
    free(put("k", "hullo", 5));
    assert_int_equal(compare(&f, &text), CHECK_WARN);
    assert_non_null(strstr(text, "another content"));
    f.kind = CHECK_FILE_DISK;
    assert_int_equal(compare(&f, &text), CHECK_FAIL);
    f.kind = CHECK_FILE_SHARED_DISK;
    assert_int_equal(compare(&f, &text), CHECK_OK);
    free(put("k", "hell", 4));
    assert_int_equal(compare(&f, &text), CHECK_FAIL);
    assert_non_null(strstr(text, "has another size here than there"));
    assert_null(strstr(text, "4 bytes"));
    unlink(f.path);
    assert_int_equal(compare(&f, &text), CHECK_FAIL);
    assert_non_null(strstr(text, "No such file"));
    f.kind = CHECK_FILE_KERNEL;
    assert_int_equal(compare(&f, &text), CHECK_WARN);

    /* A program must be one. */
    free(put("k", "hello", 5));
    f.kind = CHECK_FILE_PROGRAM;
    if (geteuid()) {
        assert_int_equal(compare(&f, &text), CHECK_FAIL);
    }
    chmod(f.path, 0755);
    assert_int_equal(compare(&f, &text), CHECK_OK);

    /* No more is hashed than may be, and then it is said so. */
    f.kind = CHECK_FILE_KERNEL;
    assert_int_equal(check_file_look(&f, NULL, &little), 0);
    assert_int_equal(f.hashed, 0);
    assert_int_equal(little, 3);
    assert_int_equal(compare(&f, &text), CHECK_OK);
    assert_non_null(strstr(text, "too many to compare"));
    unlink(f.path);

    /* What it is dangerous to open is not opened. */
    fifo = xasprintf("%s/fifo", dir);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    free(f.path);
    f.path = fifo;
    f.kind = CHECK_FILE_DISK;
    alarm(5);
    assert_int_equal(check_file_look(&f, NULL, &budget), EINVAL);
    assert_int_equal(compare(&f, &text), CHECK_FAIL);
    assert_non_null(strstr(text, "neither a file nor a block device"));
    unlink(f.path);
    free(f.path);
    f.path = xstrdup("/dev/tty");
    assert_int_equal(check_file_look(&f, NULL, &budget), EINVAL);
    free(f.path);
    f.path = xstrdup("/");
    assert_int_equal(check_file_look(&f, NULL, &budget), EINVAL);
    alarm(0);
    rmdir(dir);
    free(text);
    check_file_uninit(&f);
}

/* What is never read, however it is called. */
static void
test_unread(void **state OVS_UNUSED)
{
    static const char *const paths[] = {
        "/proc/version", "/proc/self/../self/environ", "/sys/kernel/notes",
        DTS_SYSCONFDIR "/pki/privkey.pem", DTS_SYSCONFDIR "/pki/nothing",
    };
    struct check_file f = { .kind = CHECK_FILE_KERNEL, .size = 5,
                            .hashed = 5, .sha1 = HASH };
    uint64_t budget = CHECK_HASH_ALL;
    char *text = NULL, *link;

    f.what = xstrdup("kernel");
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        f.path = xstrdup(paths[i]);
        f.size = f.hashed = 5;
        assert_int_equal(compare(&f, &text), CHECK_WARN);
        if (!strstr(text, "cannot be compared")
            && !strstr(text, "No such file")) {
            fail_msg("%s: %s", paths[i], text);
        }
        assert_true(!i || i > 2 ? !!strstr(text, "cannot be compared") : 1);
        assert_int_equal(check_file_look(&f, NULL, &budget),
                         strstr(text, "compared") ? EOPNOTSUPP : ENOENT);
        assert_int_equal(f.size, 0);
        free(f.path);
    }
    /* By a link. */
    strcpy(dir, "/tmp/test-check.XXXXXX");
    assert_non_null(mkdtemp(dir));
    link = xasprintf("%s/link", dir);
    assert_int_equal(symlink("/proc/version", link), 0);
    f.path = link;
    assert_int_equal(check_file_look(&f, NULL, &budget), EOPNOTSUPP);
    assert_int_equal(budget, CHECK_HASH_ALL);
    unlink(link);
    rmdir(dir);
    free(text);
    check_file_uninit(&f);
}

/* ---------------------------------------------------------------------- io */

static void
test_io(void **state OVS_UNUSED)
{
    struct check_io a, b;
    struct json *json, *o = json_object_create();
    char *large = xmalloc(70000);
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    check_io_init(&a, fds[0], fds[0]);
    check_io_init(&b, fds[1], fds[1]);
    assert_int_equal(check_io_receive(&a, 10, &json, NULL, NULL), ETIMEDOUT);
    json_object_put_string(o, "x", "y\nz");
    assert_int_equal(check_io_send(&a, o, 1000), 0);
    assert_int_equal(write(fds[0], "{\"a\":", 5), 5);
    assert_int_equal(check_io_receive(&b, 1000, &json, NULL, NULL), 0);
    assert_string_equal(check_string(json, "x"), "y\nz");
    json_destroy(json);
    assert_int_equal(check_io_receive(&b, 10, &json, NULL, NULL), ETIMEDOUT);
    assert_int_equal(write(fds[0], "7}\nrubbish\n", 11), 11);
    assert_int_equal(check_io_receive(&b, 1000, &json, NULL, NULL), 0);
    assert_int_equal(check_int(json, "a", 0), 7);
    json_destroy(json);
    assert_int_equal(check_io_receive(&b, 1000, &json, NULL, NULL), EPROTO);

    /* A line without an end is given up, however much is sent. */
    memset(large, 'x', 70000);
    for (int i = 0; i < 4; i++) {
        ignore(write(fds[0], large, 70000));
        if (check_io_receive(&b, 10, &json, NULL, NULL) == EPROTO) {
            break;
        }
        assert_true(i < 3 || b.len < CHECK_MAX_LINE);
    }
    assert_true(b.len <= CHECK_MAX_LINE + 65536);
    close(fds[0]);
    check_io_uninit(&a);
    check_io_uninit(&b);
    check_io_init(&b, fds[1], fds[1]);
    while (read(fds[1], large, 70000) > 0) {
        continue;
    }
    assert_int_equal(check_io_receive(&b, 1000, &json, NULL, NULL), EOF);
    check_io_uninit(&b);
    close(fds[1]);
    free(large);
}

static void *
flood(void *io)
{
    check_io_flood(io, 5000);
    return NULL;
}

/* The receiving end ends it. */
static void
test_bulk(void **state OVS_UNUSED)
{
    struct check_io a, b;
    uint64_t bytes, us;
    pthread_t thread;
    int fds[2];

    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    check_io_init(&a, fds[0], fds[0]);
    check_io_init(&b, fds[1], fds[1]);
    assert_int_equal(check_io_drain(&b, 50, 10, &bytes, &us), ETIMEDOUT);
    assert_int_equal(pthread_create(&thread, NULL, flood, &a), 0);
    assert_int_equal(check_io_drain(&b, 100, 5000, &bytes, &us), 0);
    assert_int_equal(write(fds[1], "{}\n", 3), 3);
    pthread_join(thread, NULL);
    assert_true(us > 0 && us <= 200000);
    assert_true(bytes > 0);
    close(fds[0]);
    while (check_io_drain(&b, 1, 1000, &bytes, &us) != EOF) {
        continue;
    }
    close(fds[1]);
    check_io_uninit(&a);
    check_io_uninit(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_unread),
        cmocka_unit_test(test_io),
        cmocka_unit_test(test_bulk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
