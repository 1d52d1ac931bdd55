#!/usr/bin/env bash
# A real Prometheus scrapes a real server under load; its counts of messages must match the clients'.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
    cat <<'END'
Usage: scripts/scrape.sh [--no-build]

Starts a server, Prometheus with shard/deploy's configuration, and `ringshard-bench soak` for a minute; then compares the
counts of messages of Prometheus and the clients. Exit codes: 0: they agree to 0.1 %. 2: they differ. 1: it did not run.
Needs prometheus (apt install prometheus) and curl.
END
    exit
fi
die() {
    echo "scrape: $1" >&2
    exit 1
}
command -v prometheus >/dev/null || die "there is no prometheus: apt install prometheus"
case "${1:-}" in
    "" | --no-build) binaries=$(scripts/build.sh "$@") ;;
    *) die "there is no option $1; see --help" ;;
esac

files=$(mktemp -d)
processes=()
clean_up() {
    for process in "${processes[@]}"; do
        kill "$process" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$files"
}
trap clean_up EXIT
port=$((20000 + RANDOM % 20000))
admin=127.0.0.1:$((port + 1)) prometheus=127.0.0.1:$((port + 2))

key=$("$binaries/ringshard" keygen --out "$files/server.key" 2>/dev/null)
"$binaries/ringshard" serve --listen 127.0.0.1:$port --admin "$admin" --key "$files/server.key" --cpus 0 \
    >"$files/server.out" 2>"$files/server.log" &
processes+=($!)
sed -e "s/127\.0\.0\.1:3566/$admin/" -e '/rule_files/,/^$/d' -e 's/scrape_interval:.*/scrape_interval: 1s/' \
    shard/deploy/prometheus.yml >"$files/prometheus.yml"
prometheus --config.file="$files/prometheus.yml" --storage.tsdb.path="$files/data" --web.listen-address="$prometheus" \
    >"$files/prometheus.log" 2>&1 &
processes+=($!)

query() {
    curl -sf "http://$prometheus/api/v1/query" --data-urlencode "query=$1" | grep -oE '"value":\[[^]]*\]' |
        sed -E 's/.*"([^"]*)"\]/\1/'
}
for _ in $(seq 100); do
    [ "$(query 'up' 2>/dev/null || true)" = 1 ] && break
    sleep 0.2
done
[ "$(query 'up')" = 1 ] || die "Prometheus does not scrape the server: $(tail -n 3 "$files/prometheus.log")"

"$binaries/ringshard-bench" soak --server 127.0.0.1:$port --key "$key" --clients 200 --rate 50 --mins 1 \
    --json "$files/soak.json" >"$files/soak.out" 2>&1 || die "the clients failed: $(tail -n 5 "$files/soak.out")"
sleep 3

verdict=0
sent=$(grep -oE '"messages": ?[0-9]+' "$files/soak.json" | head -n 1 | grep -oE '[0-9]+$')
compare() {
    awk -v what="$1" -v theirs="$2" -v ours="$3" 'BEGIN {
        off = theirs ? (ours - theirs) / theirs * 100 : 100
        printf "%-34s clients %10d   Prometheus %10d   %+.4f %%\n", what, theirs, ours, off
        exit !(off < 0.1 && off > -0.1)
    }' || verdict=2
}
compare "messages to the server" "$sent" "$(query 'sum(ringshard_messages_total{direction="in"})')"
compare "messages from the server" "$sent" "$(query 'sum(ringshard_messages_total{direction="out"})')"
printf '%-34s %s\n' "packets/s in, over the last 30 s" "$(query 'sum(rate(ringshard_packets_total{direction="in"}[30s]))')"
printf '%-34s %s s\n' "p99 of a turn" "$(query 'histogram_quantile(0.99, sum by (le) (rate(ringshard_packet_stage_seconds_bucket{stage="turn"}[30s])))')"
[ $verdict -eq 0 ] && echo "verdict: pass" || echo "verdict: fail"
exit $verdict
