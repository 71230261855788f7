# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# Which failures a second try may forgive.  With DTS_SECOND_TRY=1, as in
# continuous integration, what failed because a loaded machine's waits ran out is
# run once more.  An assertion about safety (two owners, a frame let through,
# state rolled back) is never forgiven: once is too often.  Such assertions are
# marked, and the mark is all that counts here:
#
#   safe is "$copies" 1 "one copy runs"
#
# which prints "not ok N - one copy runs # SAFETY" when it fails.  Sourced by the
# beds (`safe`) and by what runs them (`may_try_again`).

SAFETY=         # The mark; not empty within `safe`.

# safe ASSERTION...: the assertion (ok, is, fail...) is about safety.
safe() { local SAFETY=" # SAFETY"; "$@"; }

# may_try_again FILE STATUS: by its TAP or its exit status it failed, and nothing
# that is about safety.
may_try_again() {
    [ "${DTS_SECOND_TRY-}" = 1 ] && [ "$2" != 77 ] && { [ "$2" != 0 ] || grep -q '^not ok' "$1"; } &&
        ! grep -q '^not ok.* # SAFETY$' "$1"
}

# lab_try_again STATUS PREFIX SCRIPT ARG...: SCRIPT's first TAP is in PREFIX.first.
# Prints it, or, where that may be tried again, it as a comment and what a second
# run says of those of its parts ("# [...] part NAME") in which something failed.
lab_try_again() {
    local rc=$1 prefix=$2 script=$3 failed; shift 3
    if ! may_try_again "$prefix.first" "$rc"; then cat "$prefix.first"; return "$rc"; fi
    failed=$(awk '/\] part [a-z-]+$/ { p = $NF } /^not ok/ { print p == "" ? "all" : p }' "$prefix.first" | sort -u | xargs)
    case " $failed " in *" all "*) failed= ;; esac
    awk -v failed=" $failed " '/\] part [a-z-]+$/ { p = $NF }
        { print (failed == "  " || index(failed, " " p " ") ? "# first try: " : "") $0 }' "$prefix.first"
    "$script" "$@" ${failed:+--only=${failed// /,}} >"$prefix.second"
    rc=$?
    # (Of its beginning the first try has told.)
    sed "${failed:+1,/\\] part /s/^ok /# ok /}" "$prefix.second"
    return $rc
}
