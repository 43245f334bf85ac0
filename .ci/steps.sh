# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What ./quickstart and ./check share: packages, and steps that are quiet unless
# they fail. Sourced by them, with the source root as the working directory.

# Debian's python3 and meson go together; a python3 that shadows them in PATH lacks their modules.
export PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/taskbroker.XXXXXX")

build_packages=(
        gcc
        libcap-ng-dev
        libev-dev
        libjson-c-dev
        libmnl-dev
        libncurses-dev
        libprotobuf-c-dev
        libseccomp-dev
        libsqlite3-dev
        libsystemd-dev
        lowdown
        meson
        ninja-build
        pkg-config
        protobuf-c-compiler
        protobuf-compiler
        python3-protobuf
)

say() {
        printf '%s\n' "$*"
}

die() {
        printf '%s: %s\n' "${0##*/}" "$*" >&2
        exit 1
}

# run TEXT COMMAND...: one line while it runs and its time after; its output only where it fails.
run() {
        local text=$1 begin=$SECONDS log="$scratch/log"

        shift
        printf '%-52s ' "$text"
        if "$@" >"$log" 2>&1 </dev/null; then
                printf '%4d s\n' $((SECONDS - begin))
        else
                printf 'FAILED after %d s\n' $((SECONDS - begin))
                cat "$log"
                return 1
        fi
}

packages_install() {
        export DEBIAN_FRONTEND=noninteractive
        # old lists may do: the installation tells
        apt-get update || true
        apt-get install --yes --no-install-recommends "$@"
}

# packages_need PACKAGE...: installs what is missing; asks nobody where nothing is.
packages_need() {
        local package missing=()

        command -v dpkg-query >/dev/null ||
                die "this is not Debian: install what corresponds to: $*; then build with meson (CONTRIBUTING.md)"
        for package; do
                [[ $(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null) == ?i* ]] ||
                        missing+=("$package")
        done
        ((${#missing[@]})) || return 0
        ((EUID == 0)) ||
                die "packages are missing; as root: apt-get install ${missing[*]}"
        run "Installing ${#missing[@]} packages" packages_install "${missing[@]}"
}

# give_back DIRECTORY...: what root built belongs to the owner of the checkout, who shall be able to go on with it.
give_back() {
        ((EUID != 0)) || [[ $(stat -c %u .) == 0 ]] || chown -R --reference=. -- "$@"
}
