# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# From a clone to our .deb files (sourced, in the top directory).  The build is
# done on a copy, in _build/packages, and only when a file has changed.

DEBS=$TOP/_build/packages/debs

install_dependencies() {
    local p missing= had_policy=yes log
    [ "${DTS_NO_APT-${DTS_CI_NO_APT-}}" != 1 ] || return 0
    for p in $(sed 's/#.*//' "$TOP/build-aux/dependencies"); do
        [ "$(dpkg-query -Wf '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=" $p"
    done
    [ -n "$missing" ] || return 0
    say "installing$missing"
    # No daemon is to be started by what is installed.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        had_policy=no
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod +x /usr/sbin/policy-rc.d
    fi
    log=$(mktemp)
    # shellcheck disable=SC2086
    { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing; } >"$log" 2>&1
    p=$?
    [ $had_policy = yes ] || rm -f /usr/sbin/policy-rc.d
    [ $p = 0 ] || { tail -n 30 "$log" >&2; echo "installing failed" >&2; }
    rm -f "$log"
    return $p
}

# libopenvswitch, built once and kept where tests/run keeps it.
ovs_tree() {
    local version
    version=$(dpkg-query -Wf '${Version}' openvswitch-source 2>/dev/null)
    OVS_TREE=${DTS_OVS_CACHE-${XDG_CACHE_HOME-${HOME-/root}/.cache}/remus-dts}/ovs-${version:-unknown}/tree
    mkdir -p "${OVS_TREE%/tree}" && (
        flock 9
        sh "$TOP/build-aux/build-ovs" "$OVS_TREE"
    ) 9>"${OVS_TREE%/tree}/lock"
}

# What the packages are made from: all that git knows or would take.
sources() {
    (
        cd "$TOP" || exit 1
        if git rev-parse >/dev/null 2>&1; then
            git ls-files --cached --others --exclude-standard
        else
            find . -path ./_build -prune -o -type f -print
        fi
    ) | while IFS= read -r f; do [ ! -f "$TOP/$f" ] || echo "$f"; done | sort -u
}

build_packages() {
    local work=$TOP/_build/packages key
    mkdir -p "$work"
    key=$(sources | grep -v -e '^tests/' -e '^[A-Z]*\.md$' | (cd "$TOP" && tr '\n' '\0' | xargs -0 sha256sum) | sha256sum)
    if [ "$(cat "$work/key" 2>/dev/null)" = "$key" ] && [ -d "$DEBS" ]; then
        say "packages: as they were"
        return 0
    fi
    ovs_tree || { echo "libopenvswitch was not built" >&2; return 1; }
    say "building our packages"
    rm -rf "$work/src" "$work/key" "$DEBS"
    mkdir -p "$work/src" "$DEBS"
    sources | (cd "$TOP" && cpio -pdm --quiet "$work/src")
    (
        cd "$work/src" || exit 1
        OVS_SOURCE=$OVS_TREE/openvswitch OVS_BUILD=$OVS_TREE/build DEB_BUILD_OPTIONS="nocheck parallel=$(nproc) ${DEB_BUILD_OPTIONS-}" \
            dpkg-buildpackage -us -uc -b
    ) >"$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; echo "dpkg-buildpackage failed: $work/log" >&2; return 1; }
    mv "$work"/*.deb "$DEBS/" || return 1
    rm -f "$DEBS"/*-dbgsym_*.deb
    mkdir "$DEBS/tree"
    for key in "$DEBS"/*.deb; do dpkg-deb -x "$key" "$DEBS/tree"; done
    sources | grep -v -e '^tests/' -e '^[A-Z]*\.md$' | (cd "$TOP" && tr '\n' '\0' | xargs -0 sha256sum) | sha256sum >"$work/key"
    say "packages: $(ls "$DEBS"/*.deb | xargs -n1 basename | xargs)"
}

# The tree as tests/run builds it, for --bed=netns.
build_tree() {
    "$TOP/tests/run" --build-only
}
