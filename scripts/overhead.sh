#!/usr/bin/env bash
# The cost of limits and monitoring: packets/s with rate limits and a scrape per second, compared with neither.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
    echo "Usage: scripts/overhead.sh [PAIRS]    runs PAIRS pairs [default: 7] of 3 s; needs the release build, curl and python3"
    exit
fi
pairs=${1:-7}
bench=$(scripts/build.sh --no-build)/ringshard-bench
files=$(mktemp -d)
trap 'rm -rf "$files"; kill "${scraper:-0}" 2>/dev/null || true' EXIT

# rate NAME FLAGS...: packets/s in of one run.
rate() {
    local name=$1
    shift
    "$bench" echo --flows relay --clients 10000 --rate max --secs 3 --json "$files/$name.json" "$@" >/dev/null 2>&1 || true
    python3 -c 'import json, sys; print(round(json.load(open(sys.argv[1]))["server"]["in_pps"]))' "$files/$name.json"
}

# Queries metrics and connections of every running server once per second.
scrape() {
    while sleep 1; do
        for admin in $(ps -eo args | sed -nE 's/^[^ ]*ringshard serve .*--admin ([0-9.:]+).*/\1/p'); do
            curl -s "http://$admin/metrics" "http://$admin/stats" "http://$admin/sessions?limit=10" >/dev/null || true
        done
    done
}

for pair in $(seq "$pairs"); do
    off=$(rate off)
    scrape &
    scraper=$!
    on=$(rate on --set connection-messages-per-second=100000 --set connection-bytes-per-second=100000000 \
        --set deny=203.0.113.0/24,2001:db8::/32)
    kill "$scraper" && wait "$scraper" 2>/dev/null || true
    awk -v pair="$pair" -v off="$off" -v on="$on" 'BEGIN { printf "%d: off %d, on %d packets/s, %+.1f %%\n", pair, off, on, (on / off - 1) * 100 }'
done | tee "$files/pairs"
awk '{ print $(NF - 1) }' "$files/pairs" | sort -n | awk '{ all[NR] = $1 } END { printf "median %+.1f %%\n", all[int((NR + 1) / 2)] }'
