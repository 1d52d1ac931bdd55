#!/usr/bin/env bash
# Brings up a fleet on this machine: one node of etcd and two hosts. Then it kills a host, stops etcd, drains a host, and checks
# what `ringshard fleet` shows.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/fleet.sh [OPTIONS]

  --no-build       use the existing binaries
  --binary FILE    use this `ringshard`
  --away SECONDS   how long etcd is stopped (default 20)

Everything runs on free ports of 127.0.0.1, with a temporary folder, and ends with the script. It needs etcd: Debian's
etcd-server.

Exit codes: 0: everything went as it must. 1: something did not; the last line says what. 2: etcd is not installed.
END
}

fail() {
    printf 'wrong      %s\n' "$1" >&2
    for log in "$files"/*.log; do printf -- '--- %s\n' "$log" >&2 && tail -n 15 "$log" >&2; done
    exit 1
}

build=() ringshard='' away=20
while (($#)); do
    case $1 in
        --no-build) build=(--no-build) && shift ;;
        --binary) ringshard=$(realpath "${2:?--binary needs a file}") && shift 2 ;;
        --away) away=${2:?--away needs seconds} && shift 2 ;;
        -h | --help) usage && exit ;;
        *) echo "fleet: there is no option $1; see --help" >&2 && exit 1 ;;
    esac
done
command -v etcd >/dev/null || { echo "fleet: etcd is not installed; install Debian's etcd-server" >&2 && exit 2; }
[[ -n $ringshard ]] || ringshard=$(scripts/build.sh "${build[@]}")/ringshard

files=$(mktemp -d)
declare -A processes=()
clean_up() {
    trap '' INT TERM
    for process in "${processes[@]}"; do kill -9 "$process" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$files"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

free_ports() {
    python3 -c 'import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(socket.getsockname()[1] for socket in sockets))' "$1"
}
read -r client peer admin_a admin_b <<<"$(free_ports 4)"
cat >"$files/fleet.toml" <<END
[etcd]
endpoints = ["http://127.0.0.1:$client"]
lease-secs = 5
END
export RINGSHARD_FLEET=$files/fleet.toml

start_etcd() {
    etcd --name one --data-dir "$files/etcd" --log-level error \
        --listen-client-urls "http://127.0.0.1:$client" --advertise-client-urls "http://127.0.0.1:$client" \
        --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
        --initial-cluster "one=http://127.0.0.1:$peer" --unsafe-no-fsync >>"$files/etcd.log" 2>&1 &
    processes[etcd]=$!
}

# start_host NAME ADMIN-PORT
start_host() {
    RINGSHARD_FLEET= "$ringshard" serve --fleet "$files/fleet.toml" --fleet-name "$1" --fleet-region "region-$1" \
        --listen 127.0.0.1:0 --admin "127.0.0.1:$2" --cpus 0 --max-connections 64 --drain-ms 0 \
        >>"$files/$1.log" 2>&1 &
    processes[$1]=$!
}

# stop NAME SIGNAL: ends a process, and waits for it.
stop() {
    kill "-$2" "${processes[$1]}"
    wait "${processes[$1]}" 2>/dev/null || true
    unset "processes[$1]"
}

# The names and states of all hosts, in one line; `none` if there is none, and nothing if the registry does not answer.
shown() {
    "$ringshard" fleet list --json 2>"$files/list.log" |
        python3 -c 'import json, sys; print(*sorted(host["name"] + ":" + host["state"] for host in json.load(sys.stdin)) or ["none"])' \
            2>/dev/null || true
}

# until_shown SECONDS WANTED WHAT: the list becomes WANTED within that time.
until_shown() {
    local began=$EPOCHREALTIME found=''
    while :; do
        found=$(shown)
        took=$(python3 -c 'import sys; print(f"{float(sys.argv[2]) - float(sys.argv[1]):.1f}")' "$began" "$EPOCHREALTIME")
        [[ $found == "$2" ]] && printf 'ok    %5s s  %s\n' "$took" "$3" && return
        python3 -c 'import sys; sys.exit(float(sys.argv[1]) <= float(sys.argv[2]))' "$took" "$1" ||
            { sleep 0.1 && continue; }
        fail "$3: after $took s the list is \`$found\`, but must be \`$2\`"
    done
}

# has WHAT WORDS COMMAND...: the command succeeds and prints WORDS.
has() {
    local what=$1 words=$2 said
    shift 2
    said=$("$@" 2>&1) || fail "$what: the command failed: $said"
    grep -qF -- "$words" <<<"$said" || fail "$what: \`$words\` is missing from: $said"
    printf 'ok             %s\n' "$what"
}

start_etcd
start_host a "$admin_a"
start_host b "$admin_b"
until_shown 20 "a:ready b:ready" "two hosts are in the list"
has "show tells a host's address" "127.0.0.1:" "$ringshard" fleet show a
has "the metrics say that it is registered" 'ringshard_fleet_state{state="registered"} 1' curl -sS "127.0.0.1:$admin_a/metrics"

stop b 9
until_shown 6 "a:ready" "a host that was killed is gone within its lease and a second"
start_host b "$admin_b"
until_shown 10 "a:ready b:ready" "the next server under its name takes its place"

stop etcd TERM
sleep 3
has "a host is ready while etcd is away, and says so" "this host goes on serving" curl -sS "127.0.0.1:$admin_a/ready"
sleep $((away - 3))
has "the log says it once" 1 grep -c "the registry is away: this host goes on serving" "$files/a.log"
start_etcd
until_shown 8 "a:ready b:ready" "both are there after etcd was away for $away s"
grep -q "the registry is back" "$files/a.log" || fail "the log does not say that the registry is back"
has "no lease was lost" 'ringshard_fleet_events_total{event="leases_lost"} 0' curl -sS "127.0.0.1:$admin_a/metrics"

has "maintenance on" "maintenance of b is on" "$ringshard" fleet maintenance b on --reason "new disk"
until_shown 3 "a:ready b:maintenance" "the list shows it"
stop b TERM
start_host b "$admin_b"
until_shown 10 "a:ready b:maintenance" "it outlives the host"
has "maintenance off" "maintenance of b is off" "$ringshard" fleet maintenance b off
until_shown 3 "a:ready b:ready" "the list shows that, too"

has "a drain is followed to its end" "b has ended" "$ringshard" fleet drain b --reason "done"
wait "${processes[b]}" || fail "the drained server ended with code $?"
unset "processes[b]"
until_shown 1 "a:ready" "a drained host is gone at once"
has "the audit has every change" "drain of b" "$ringshard" fleet audit
stop a TERM
until_shown 1 none "a host that ends in order is gone at once"
printf 'everything went as it must\n'
