#!/usr/bin/env bash
# usage: tests/compat/run.sh [TOPIC...]        e.g. tests/compat/run.sh admin-users admin-clients
# Asks a server of this build what a real Keycloak was asked, and prints per topic what it answers differently. Fails on every
# difference that tests/compat/allowed.toml does not allow. Without topics: all but the browser's (authorize, pages).
#
#   KEYWRIGHT          the binary; default: target/debug/keywright, which must have been built (`make compat` builds it)
#   KEYWRIGHT_ORACLE   the directory with tools/capture-oracle.py and reference/keycloak-live; default: ../shared
#   COMPAT_OUT         where the answers and the server's log are kept; default: target/compat
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$tree/target}
binary=${KEYWRIGHT:-$target/debug/keywright}
out=${COMPAT_OUT:-$target/compat}

oracle=${KEYWRIGHT_ORACLE:-}
for directory in "$tree/../shared" "$tree/../../shared"; do
    [ -z "$oracle" ] && [ -f "$directory/tools/capture-oracle.py" ] && oracle=$directory
done
if [ -z "$oracle" ]; then
    # The recordings of a whole Keycloak are no part of a clone; tests/live replays the part that is.
    echo "compat: skipped, no tools/capture-oracle.py in ../shared (KEYWRIGHT_ORACLE names another place)"
    exit 0
fi
[ -x "$binary" ] || { echo "compat: $binary is missing: cargo build" >&2; exit 1; }

free_ports() {
    python3 -c 'import socket
held = [socket.socket() for _ in range(2)]
for s in held: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in held))'
}

topics=("$@")
if [ ${#topics[@]} = 0 ]; then
    mapfile -t topics < <(python3 "$here/compare.py" topics "$oracle")
fi

# A run that is interrupted leaves neither a server nor half of the last run's answers behind.
rm -rf "$out"
mkdir -p "$out/home" "$out/answers"
server=
finish() { [ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }; }
trap finish EXIT

read -r port management < <(free_ports)
(
    cd "$out/home"
    # A setting of this script is none of the server's.
    unset KEYWRIGHT KEYWRIGHT_ORACLE
    export KC_BOOTSTRAP_ADMIN_USERNAME=admin KC_BOOTSTRAP_ADMIN_PASSWORD=admin
    # The script calls the server by address, so the issuer has to be that address; its mail and callback sinks are on loopback.
    export KEYWRIGHT_HOSTNAME__URL="http://127.0.0.1:$port/auth" KEYWRIGHT_EGRESS__ALLOW=127.0.0.1
    exec "$binary" serve --http-host 127.0.0.1 --http-port "$port" --management-port "$management" --data "$out/home/data"
) >"$out/server.log" 2>&1 &
server=$!
for _ in $(seq 600); do
    curl -sf -o /dev/null "http://127.0.0.1:$port/auth/realms/master" && break
    kill -0 "$server" 2>/dev/null || { echo "compat: the server does not start:" >&2; tail -20 "$out/server.log" >&2; exit 1; }
    sleep 0.1
done

list=$(IFS=,; echo "${topics[*]}")
first=$(python3 "$here/compare.py" of-script "$list" capture-oracle)
more=$(python3 "$here/compare.py" of-script "$list" capture-oracle-more)
: >"$out/capture.log"
# The scripts exit with 1 when a topic stopped early; compare.py says which, and where.
if [ -n "$first" ]; then
    python3 "$here/ask.py" "$oracle/tools/capture-oracle.py" "http://127.0.0.1:$port/auth" "$out/answers" \
        --mgmt "http://127.0.0.1:$management/auth" --only "$first" >>"$out/capture.log" 2>&1 || true
fi
if [ -n "$more" ]; then
    python3 "$oracle/tools/capture-oracle-more.py" "http://127.0.0.1:$port/auth" "$out/answers" --only "$more" >>"$out/capture.log" 2>&1 || true
fi
python3 "$here/compare.py" compare "$oracle/reference/keycloak-live" "$out/answers" "$list" || {
    echo "answers: $out/answers; the script's output: $out/capture.log; the server's: $out/server.log"
    exit 1
}
