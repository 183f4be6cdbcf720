#!/usr/bin/env bash
# usage: packaging/bootstrap.sh run|test|test-all|bench
# Makes sure that what the make target of that name needs is installed. On Debian and its relatives missing packages are
# installed with apt-get, through sudo only when that is needed; elsewhere this stops and names what is missing.
set -euo pipefail

target=${1:?usage: packaging/bootstrap.sh run|test|test-all|bench}
packages=()

have() { type -P "$1" >/dev/null; }

# needs PACKAGE COMMAND…: PACKAGE is missing when COMMAND fails.
needs() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || packages+=("$package")
}

if ! have cargo; then
    echo "A Rust toolchain is missing (cargo): see https://rustup.rs; rust-toolchain.toml names the version." >&2
    exit 1
fi

# A C compiler and make build aws-lc and jemalloc; OpenSSL is the system's, so that it gets the system's security updates.
needs build-essential have cc
needs build-essential have make
needs pkg-config have pkg-config
needs libssl-dev pkg-config --exists openssl

case $target in
run) ;;
test)
    needs curl have curl
    needs openssl have openssl
    needs procps have kill
    needs strace have strace
    needs groff-base have groff
    needs bsdutils have script
    needs python3 have python3
    needs python3-venv python3 -c 'import ensurepip, venv'
    needs nodejs have node
    needs npm have npm
    ;;
test-all)
    # Debian keeps nginx where only root's PATH looks.
    needs nginx test -x /usr/sbin/nginx
    needs caddy have caddy
    needs systemd have systemd-analyze
    ;;
bench)
    needs openssl have openssl
    needs procps have kill
    ;;
*)
    echo "packaging/bootstrap.sh: unknown target $target" >&2
    exit 2
    ;;
esac

[ ${#packages[@]} -gt 0 ] || exit 0
mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)

if ! have apt-get; then
    echo "make $target needs what these Debian packages contain: ${packages[*]}. Install it with this system's package manager." >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" != 0 ]; then
    if ! have sudo; then
        echo "make $target needs: ${packages[*]}. As root: apt-get install ${packages[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "installing for make $target: ${packages[*]}" >&2
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"
