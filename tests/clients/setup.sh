#!/usr/bin/env bash
# Installs the third-party clients of tests/clients into target/clients, with the versions that are pinned here. What is
# already there with the same pins is left alone. `--all` adds the Wallaroo SDK (600 MB with what it brings along)
# and Traefik (190 MB).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
target=${KEYWRIGHT_CLIENTS_DIR:-${CARGO_TARGET_DIR:-$here/../../target}/clients}
mkdir -p "$target"
exec 9>"$target/.lock"
flock 9

need() {
    command -v "$1" >/dev/null || { echo "tests/clients/setup.sh: $1 is missing. On Debian: apt-get install $2" >&2; exit 1; }
}

# installed DIR PINS...: whether DIR was completed from files with the same content.
installed() {
    local stamp=$1/.pins
    shift
    [ -f "$stamp" ] && [ "$(cat "$@" | sha256sum)" = "$(cat "$stamp")" ]
}

complete() {
    local directory=$1
    shift
    cat "$@" | sha256sum >"$directory/.pins"
}

python_environment() { # name, requirements
    installed "$target/$1" "$2" && return
    need python3 'python3 python3-venv'
    rm -rf "${target:?}/$1"
    python3 -m venv "$target/$1"
    "$target/$1/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$2"
    complete "$target/$1" "$2"
}

node_environment() {
    installed "$target/node" "$here/node/package.json" "$here/node/package-lock.json" && return
    need node 'nodejs npm'
    need npm 'nodejs npm'
    mkdir -p "$target/node"
    cp "$here/node/package.json" "$here/node/package-lock.json" "$target/node/"
    (cd "$target/node" && npm ci --silent --no-audit --no-fund)
    complete "$target/node" "$here/node/package.json" "$here/node/package-lock.json"
}

python_environment python "$here/python/requirements.txt"
python_environment schemathesis "$here/schemathesis/requirements.txt"
python_environment smtp "$here/smtp/requirements.txt"
node_environment
if [ "${1:-}" = --all ]; then
    python_environment wallaroo "$here/wallaroo/requirements.txt"
    python_environment traefik "$here/traefik/requirements.txt"
fi
