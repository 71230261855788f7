/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of output that bypass the buffer. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "realtime.h"
#include "util.h"

static void
check_ok(const char *text, enum remus_media media, bool to, int low, int high,
         int dscp)
{
    struct remus_class c;
    char *error = remus_class_parse(text, &c), *s;

    assert_null(error);
    assert_int_equal(c.media, media);
    assert_int_equal(c.to, to);
    assert_int_equal(c.low, low);
    assert_int_equal(c.high, high);
    assert_int_equal(c.dscp, dscp);
    s = remus_class_to_string(&c);
    assert_string_equal(s, text);
    free(s);
}

static void
check_bad(const char *text, const char *pattern)
{
    struct remus_class c;
    char *error = remus_class_parse(text, &c);

    assert_non_null(error);
    if (!strstr(error, pattern)) {
        fail_msg("%s: \"%s\" does not say \"%s\"", text, error, pattern);
    }
    free(error);
}

static void
test_parse(void **state OVS_UNUSED)
{
    check_ok("udp:10000-20000", REMUS_MEDIA_UDP, false, 10000, 20000, -1);
    check_ok("rtp:1", REMUS_MEDIA_RTP, false, 1, 1, -1);
    check_ok("srtp:65535", REMUS_MEDIA_SRTP, false, 65535, 65535, -1);
    check_ok("to:udp:5004-5005", REMUS_MEDIA_UDP, true, 5004, 5005, -1);
    check_ok("to:srtp:7-8/dscp=63", REMUS_MEDIA_SRTP, true, 7, 8, 63);
    check_ok("rtp:7/dscp=0", REMUS_MEDIA_RTP, false, 7, 7, 0);
    check_ok("rtp:5062-65535", REMUS_MEDIA_RTP, false, 5062, 65535, -1);
    check_ok("rtp:1-5059", REMUS_MEDIA_RTP, false, 1, 5059, -1);
}

static void
test_refused(void **state OVS_UNUSED)
{
    static const char *const nonsense[] = {
        "", "udp", "udp:", "udp:-7", "udp:7-", "udp:7-8-9", "udp:7x",
        "udp: 7", "UDP:7", "icmp", "rtp:+7", "rtp:0x10", "rtp:123456",
        "to:", "to:to:udp:7", "from:udp:7", "udp:7/", "udp:7/dscp",
        "udp:7 ", "xrtp:7", "rtp:7-8/dscp=1x", "rtp:7/dscp=1/dscp=2",
    };
    size_t i;

    for (i = 0; i < ARRAY_SIZE(nonsense); i++) {
        check_bad(nonsense[i], "udp:LOW-HIGH");
    }
    check_bad("udp:0-7", "1 to 65535");
    check_bad("udp:8-7", "lower one first");
    check_bad("udp:1-65536", "1 to 65535");
    check_bad("udp:7/dscp=64", "0 to 63");
    check_bad("udp:7/dscp=-1", "0 to 63");
    check_bad("tcp:554", "TCP cannot bypass");
    check_bad("to:tcp:554", "TCP cannot bypass");
}

/* Signalling is always buffered. */
static void
test_sip(void **state OVS_UNUSED)
{
    check_bad("udp:1-65535", "signalling has to be buffered");
    check_bad("udp:5060", "5060 and 5061");
    check_bad("udp:5061-6000", "5060 and 5061");
    check_bad("rtp:4000-5060", "5060 and 5061");
    check_bad("to:udp:5060", "5060 and 5061");
}

static void
test_together(void **state OVS_UNUSED)
{
    struct remus_class c[REMUS_MAX_CLASSES + 1];
    char *error;
    size_t i;

    for (i = 0; i < ARRAY_SIZE(c); i++) {
        assert_null(remus_class_parse("rtp:10000", &c[i]));
    }
    assert_null(remus_classes_check(c, 0, false));
    assert_null(remus_classes_check(c, REMUS_MAX_CLASSES, false));
    error = remus_classes_check(c, REMUS_MAX_CLASSES + 1, false);
    assert_non_null(strstr(error, "there may be 16"));
    free(error);

    assert_null(remus_class_parse("srtp:20000", &c[1]));
    error = remus_classes_check(c, 2, false);
    assert_non_null(strstr(error, "\"srtp:20000\" is encrypted"));
    assert_non_null(strstr(error, "realtime-unsafe"));
    free(error);
    assert_null(remus_classes_check(c, 2, true));
    assert_null(remus_classes_check(c, 1, false));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_sip),
        cmocka_unit_test(test_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
