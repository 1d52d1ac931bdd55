#!/usr/bin/env bash
# Kills, restarts and freezes a server under load, and measures the recovery.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/lifecycle.sh [OPTIONS]

  --clients N   clients that send to the server all the time [default: 500]
  --json FILE   write the figures to this file as one JSON object
  --no-build    use the existing binaries

Runs a server and reconnecting clients over loopback, with these incidents:

  server-killed    kill -9, restart 2 s later with the same key: measures the time until every client is back
  clients-killed   kill -9 of all clients: measures the time until the server has freed their slots
  frozen           SIGSTOP for 5 s: no client may be lost, and missed ticks must not be made up
  clock            the wall clock jumps one hour ahead and back (needs faketime): nothing may happen

Exit codes: 0: all targets met. 2: a target missed. 1: it did not run.
END
}

die() {
    echo "lifecycle: $1" >&2
    exit 1
}

clients=500 build=() json=
while [ $# -gt 0 ]; do
    case $1 in
        --clients) clients=${2:?--clients needs a number} && shift 2 ;;
        --json) json=${2:?--json needs a file} && shift 2 ;;
        --no-build) build=(--no-build) && shift ;;
        -h | --help) usage && exit ;;
        *) die "there is no option $1; see --help" ;;
    esac
done
binaries=$(scripts/build.sh "${build[@]}")

files=$(mktemp -d)
processes=()
clean_up() {
    trap '' INT TERM
    for process in "${processes[@]}"; do
        kill -CONT "$process" 2>/dev/null || true
        kill -9 "$process" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$files"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

port=$((20000 + RANDOM % 20000))
admin=127.0.0.1:$((port + 1))
key=$("$binaries/ringshard" keygen --out "$files/server.key" 2>/dev/null)

# start_server [COMMAND...]: starts it, under COMMAND, and waits until it is ready.
start_server() {
    "$@" "$binaries/ringshard" serve --listen 127.0.0.1:$port --admin "$admin" --key "$files/server.key" --cpus 0 \
        --game echo >"$files/server.out" 2>>"$files/server.log" &
    server=$!
    processes+=("$server")
    for _ in $(seq 200); do
        curl -sf "http://$admin/ready" >/dev/null && return
        sleep 0.05
    done
    cat "$files/server.log" >&2
    die "the server did not start; see its log above"
}

start_clients() {
    "$binaries/ringshard-bench" soak --server 127.0.0.1:$port --key "$key" --clients "$clients" --rate 10 --mins 10 \
        --reconnect >"$files/clients.out" 2>&1 &
    load=$!
    processes+=("$load")
    wait_for_sessions "$clients" 30 >/dev/null || die "the clients did not connect: $(tail -n 3 "$files/clients.out")"
    sleep 2
}

end() {
    kill -9 "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# metric NAME: the sum of a metric over all cores; empty if the server does not answer.
metric() {
    curl -sf --max-time 3 "http://$admin/metrics" | grep -F "$1" | awk '{ sum += $NF } END { if (NR) printf "%d\n", sum }'
}

now() {
    date +%s.%N
}

since() {
    awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.1f", to - from }'
}

# wait_for_sessions COUNT SECONDS: prints how long it took; fails after SECONDS.
wait_for_sessions() {
    local began
    began=$(now)
    while [ "$(metric ringshard_sessions{ || true)" != "$1" ]; do
        awk -v took="$(since "$began")" -v most="$2" 'BEGIN { exit took < most }' && return 1
        sleep 0.1
    done
    since "$began"
}

results=() verdict=0
# result NAME FIGURE MOST: a line of the table. FIGURE must be at most MOST.
result() {
    local held=yes
    awk -v figure="$2" -v most="$3" 'BEGIN { exit !(figure <= most) }' || held=no verdict=2
    printf '%-58s %8s   at most %-5s %s\n' "$1" "$2" "$3" "$([ $held = yes ] && echo ok || echo MISSED)"
    results+=("{\"what\":\"$1\",\"figure\":$2,\"most\":$3,\"held\":$([ $held = yes ] && echo true || echo false)}")
}

start_server
start_clients
end "$server"
sleep 2
restarted=$(now)
start_server
wait_for_sessions "$clients" 30 >/dev/null || true
result "server-killed: seconds from restart until all $clients are back" "$(since "$restarted")" 10

end "$load"
result "clients-killed: seconds until all $clients slots are free" "$(wait_for_sessions 0 40 || echo 40)" 16.5
end "$server"

start_server
start_clients
before=$(metric 'event="left"') skipped=$(metric ringshard_ticks_skipped_total)
kill -STOP "$server"
sleep 5
kill -CONT "$server"
sleep 3
ticks=$(metric 'event="ticks"')
sleep 2
result "frozen for 5 s: connections lost" "$(($(metric 'event="left"') - before))" 0
result "frozen for 5 s: ticks that were left out, of 300" "$(($(metric ringshard_ticks_skipped_total) - skipped))" 310
result "frozen for 5 s: ticks in 2 s afterwards, of 120" "$(($(metric 'event="ticks"') - ticks))" 135
sessions=$(metric ringshard_sessions{)
result "frozen for 5 s: clients missing afterwards" "$((clients - sessions))" 0
end "$load"
end "$server"

if command -v faketime >/dev/null; then
    library=$(find /usr/lib -name 'libfaketime.so.1' -print -quit)
    echo "+0" >"$files/clock"
    start_server env LD_PRELOAD="$library" FAKETIME_TIMESTAMP_FILE="$files/clock" FAKETIME_NO_CACHE=1 \
        FAKETIME_DONT_FAKE_MONOTONIC=1
    start_clients
    before=$(metric 'event="left"') skipped=$(metric ringshard_ticks_skipped_total)
    for offset in +3600s -3600s +0; do
        echo "$offset" >"$files/clock"
        sleep 3
    done
    result "clock: connections lost" "$(($(metric 'event="left"') - before))" 0
    result "clock: ticks left out in 9 s" "$(($(metric ringshard_ticks_skipped_total) - skipped))" 5
    sessions=$(metric ringshard_sessions{)
    result "clock: clients missing afterwards" "$((clients - sessions))" 0
    end "$load"
    end "$server"
else
    echo "clock: skipped; it needs faketime (apt install faketime)"
fi

if [ -n "$json" ]; then
    (
        IFS=,
        printf '{"clients":%s,"results":[%s]}\n' "$clients" "${results[*]}" >"$json"
    )
fi
[ $verdict -eq 0 ] && echo "verdict: pass" || echo "verdict: fail"
exit $verdict
