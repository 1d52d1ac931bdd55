#!/usr/bin/env bash
# Tests every alert of shard/deploy/alerts.yml with a real server and a real Prometheus.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/alerts-test.sh [--no-build] [--binaries DIR]

  --no-build      use the existing binaries
  --binaries DIR  their folder [default: target/release]

Checks shard/deploy's rules, their unit tests and a scrape with promtool. Then it starts a server with players and
Prometheus in a network namespace, checks that no alert fires, causes each alert, and waits until it fires. The rules' time
spans are shortened; the test takes about five minutes.

RingshardSegmentationStopped has only its unit test: the loopback device can always segment. So have RingshardInputsMissed,
RingshardJobsRefused, and the alerts of fleets, balancers and nodes.

Needs root, prometheus (with promtool), nft, ip, curl and python3. Exit codes: 0: each alert fired, and none without a
cause. 2: an alert did not fire, or fired without a cause. 1: it did not run.
END
}

die() {
    echo "alerts-test: $1" >&2
    exit 1
}

build=yes binaries=${CARGO_TARGET_DIR:-target}/release inside=no
while [ $# -gt 0 ]; do
    case $1 in
        --no-build) build=no && shift ;;
        --binaries) binaries=${2:?--binaries needs a folder} && shift 2 ;;
        --inside) inside=yes && shift ;;
        -h | --help) usage && exit ;;
        *) die "there is no option $1; see --help" ;;
    esac
done
if [ "$inside" = no ]; then
    for tool in prometheus promtool nft ip curl python3 unshare prlimit; do
        command -v $tool >/dev/null || die "there is no $tool: apt install prometheus nftables iproute2 curl python3 util-linux"
    done
    [ "$(id -u)" = 0 ] || die "needs root for a network namespace: sudo scripts/alerts-test.sh"
    if [ "$build" = yes ]; then
        scripts/prepare.sh
        cargo build --release --locked
    fi
    [ -x "$binaries/ringshard-bench" ] || die "there is no $binaries/ringshard-bench; omit --no-build"
    (cd shard/deploy && promtool check rules alerts.yml && promtool test rules alerts-test.yml)
    # The namespace ends with its last process, so nothing remains on the host.
    exec timeout --kill-after 10 900 unshare --net "$0" --inside --binaries "$binaries"
fi

ip link set lo up
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

port=3565 admin=127.0.0.1:3566 prometheus=127.0.0.1:9090
key=$("$binaries/ringshard" keygen --out "$files/server.key" 2>/dev/null)

# The server logs into a pipe, so that its reader can be stopped.
mkfifo "$files/log"
cat "$files/log" >"$files/server.log" &
reader=$!
processes+=("$reader")
settings() {
    printf 'deny = [%s]\n' "$1" >"$files/settings.toml"
}
settings ''
prlimit --nofile=128 "$binaries/ringshard" serve --config "$files/settings.toml" --key "$files/server.key" \
    --listen 127.0.0.1:$port --admin "$admin" --cpus 0,1 --max-connections 40 --socket-buffer-kib 64 --allow '' \
    >"$files/server.out" 2>"$files/log" &
server=$!
processes+=("$server")
for _ in $(seq 200); do
    curl -sf "http://$admin/ready" >/dev/null && break
    sleep 0.05
done
curl -sf "http://$admin/ready" >/dev/null || die "the server did not start: $(cat "$files/server.log")"

curl -sf -H 'Accept: text/plain' "http://$admin/metrics" | promtool check metrics || die "promtool rejects the server's metrics"

# Shorten minutes to seconds; keep the thresholds.
sed -e 's/\[1m\]/[10s]/g; s/\[5m\]/[15s]/g; s/for: 1m/for: 5s/; s/for: 30s/for: 3s/; s/for: 15s/for: 3s/' \
    shard/deploy/alerts.yml >"$files/alerts.yml"
sed -e 's/_interval: 5s/_interval: 1s/' shard/deploy/prometheus.yml >"$files/prometheus.yml"
prometheus --config.file="$files/prometheus.yml" --storage.tsdb.path="$files/data" --web.listen-address="$prometheus" \
    >"$files/prometheus.log" 2>&1 &
processes+=($!)

# The firing alerts, one per line.
firing() {
    curl -sf "http://$prometheus/api/v1/alerts" | python3 -c '
import json, sys
alerts = json.load(sys.stdin)["data"]["alerts"]
print("\n".join(sorted({alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"})))'
}
# Alerts that fire without a cause. Late ticks are excluded: they depend on what else the host does.
unexpected() {
    firing | grep -v RingshardTick || true
}
failed=0
# fires ALERT [SECONDS]: waits until the alert fires.
fires() {
    for _ in $(seq $((${2:-40} * 2))); do
        if grep -qx "$1" <<<"$(firing)"; then
            printf '  %-28s fires\n' "$1"
            return
        fi
        sleep 0.5
    done
    printf '  %-28s does not fire\n' "$1"
    failed=1
}
# quiet SECONDS WHAT: checks that no alert fires for SECONDS.
quiet() {
    for _ in $(seq "$1"); do
        sleep 1
        local found
        found=$(unexpected)
        if [ -n "$found" ]; then
            echo "  fires without a cause ($2): $found"
            failed=1
            return
        fi
    done
    printf '  %-28s no alert fires\n' "$2"
}
# wait_until_quiet: waits until no alert fires.
wait_until_quiet() {
    for _ in $(seq 120); do
        [ -z "$(unexpected)" ] && return
        sleep 0.5
    done
    echo "  still fires without its cause: $(unexpected)"
    failed=1
}
# datagrams COUNT BYTES: sends them to the server as fast as possible.
datagrams() {
    python3 - "$1" "$2" $port <<'END'
import socket, sys
count, size, port = map(int, sys.argv[1:])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(count):
    sender.sendto(bytes(size), ("127.0.0.1", port))
END
}
players() {
    "$binaries/ringshard-bench" soak --server 127.0.0.1:$port --key "$key" --clients "$1" --rate 20 --mins 10 \
        >"$files/players.out" 2>&1 &
    players=$!
    processes+=("$players")
}
players_leave() {
    kill "$players" 2>/dev/null || true
    wait "$players" 2>/dev/null || true
}

for _ in $(seq 100); do
    curl -sf "http://$prometheus/api/v1/query?query=up" | grep -q '"1"' && break
    sleep 0.2
done
players 20
sleep 15
echo "with players:"
wait_until_quiet
quiet 15 "a server with players"
datagrams 5 1
datagrams 5 0
quiet 15 "datagrams without a header"

echo "with causes:"
kill -STOP $server
datagrams 3000 600
kill -CONT $server
fires RingshardKernelDrops
fires RingshardTicksSkipped
wait_until_quiet

for _ in $(seq 60); do
    datagrams 20 60
    sleep 0.3
done &
processes+=($!)
fires RingshardDrops
wait $! 2>/dev/null || true
wait_until_quiet

nft add table inet firewall
nft add chain inet firewall out '{ type filter hook output priority 0; }'
nft add rule inet firewall out udp sport $port numgen random mod 10 '<' 2 drop
fires RingshardSendFailed
nft delete table inet firewall
wait_until_quiet

# Stops one thread, as game code that does not return would.
python3 - $server <<'END' &
import ctypes, os, pathlib, sys, time
threads = pathlib.Path(f"/proc/{sys.argv[1]}/task").iterdir()
core = next(int(it.name) for it in threads if (it / "comm").read_text().strip() == "core-1")
libc = ctypes.CDLL(None, use_errno=True)
SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
assert libc.ptrace(SEIZE, core, 0, 0) == 0, os.strerror(ctypes.get_errno())
assert libc.ptrace(INTERRUPT, core, 0, 0) == 0, os.strerror(ctypes.get_errno())
os.waitpid(core, 0x40000000)
time.sleep(12)
assert libc.ptrace(DETACH, core, 0, 0) == 0, os.strerror(ctypes.get_errno())
END
stopper=$!
processes+=("$stopper")
fires RingshardCoreStuck 15
curl -s --max-time 1 "http://$admin/live" | sed 's/^/    \/live: /'
wait $stopper || failed=1
wait_until_quiet

settings '"nonsense"'
kill -HUP $server
fires RingshardReloadFailed
settings "\"$(printf 'nonsense%.0s' $(seq 300))\""
kill -STOP $reader
for _ in $(seq 3000); do
    kill -HUP $server
    sleep 0.001
done
fires RingshardLogLinesDropped
kill -CONT $reader
settings ''
kill -HUP $server
wait_until_quiet

players_leave
# Refused clients give up, so many load generators fill the server one by one.
loads=()
for _ in $(seq 30); do
    players 2
    loads+=("$players")
done
fires RingshardFull
fires RingshardNearlyFull
for players in "${loads[@]}"; do players_leave; done
wait_until_quiet

python3 - <<'END' &
import socket, time
until = time.time() + 20
while time.time() < until:
    held = []
    for _ in range(60):
        connection = socket.create_connection(("127.0.0.1", 3566))
        connection.setblocking(False)
        held.append(connection)
    time.sleep(1)
    for connection in held:
        connection.close()
END
processes+=($!)
prlimit --pid $server --nofile=90:128
fires RingshardFewFilesLeft
prlimit --pid $server --nofile=128:128
wait $! 2>/dev/null || true
wait_until_quiet

# Somebody guesses passwords.
kill -TERM $server
wait $server 2>/dev/null || true
"$binaries/ringshard" serve --key "$files/server.key" --listen 127.0.0.1:$port --admin "$admin" --cpus 0,1 \
    --services "$files/services" --login 127.0.0.1:3567 >>"$files/server.out" 2>"$files/log" &
server=$!
processes+=("$server")
for _ in $(seq 100); do
    curl -sk -o "$files/answer" https://127.0.0.1:3567/v1/login --json '{"email": "ann@example.org", "password": "a guess"}' || true
    sleep 0.3
done &
processes+=($!)
fires RingshardLoginsRefused
wait $! 2>/dev/null || true
wait_until_quiet

# Other programs use the server's CPU, so ticks do not end in time.
kill -TERM $server
wait $server 2>/dev/null || true
"$binaries/ringshard" serve --key "$files/server.key" --listen 127.0.0.1:$port --admin "$admin" --cpus 0 --game demo \
    --npcs 16000 --entities 16384 >>"$files/server.out" 2>"$files/log" &
server=$!
processes+=("$server")
hogs=()
for _ in 1 2 3 4; do
    taskset -c 0 nice -n -10 sh -c 'while :; do :; done' &
    hogs+=($!)
    processes+=($!)
done
fires RingshardTickLate 60
for hog in "${hogs[@]}"; do kill "$hog"; done

kill -9 $server
fires RingshardDoesNotAnswer

[ $failed = 0 ] || exit 2
