#!/usr/bin/env bash
# Profiles the server while `ringshard-bench` drives it, and prints where its time goes. Needs perf.
# Usage: perf/record.sh FLOWS CIPHER > perf/profiles/FLOWS-CIPHER.txt     (distinct|relay, chacha|aes)
set -euo pipefail
cd "$(dirname "$0")/.."
flows=${1:?distinct or relay} cipher=${2:?chacha or aes}
[[ $flows =~ ^(distinct|relay)$ ]] || { echo "record: the flows are $flows; give distinct or relay" >&2 && exit 2; }
[[ $cipher =~ ^(chacha|aes)$ ]] || { echo "record: the cipher is $cipher; give chacha or aes" >&2 && exit 2; }
bench=$(scripts/build.sh)/ringshard-bench
clients=10000
[ "$flows" = distinct ] && clients=1000
log=$(mktemp) data=$(mktemp)
trap 'rm -f "$log" "$data"' EXIT
if [ "$flows" = relay ]; then
    "$bench" verify --only --rate max --secs 6 --clients $clients --cipher "$cipher" >"$log" 2>&1 &
    lead=5
else
    # The floor runs first: a second of warm-up, three of measuring, one of draining.
    "$bench" echo --flows distinct --rate max --secs 6 --clients $clients --cipher "$cipher" >"$log" 2>&1 &
    lead=9
fi
load=$!
sleep $lead
server=$(pgrep -P $load -x ringshard)
perf record -e cpu-clock -F 3999 -g -o "$data" -p "$server" -- sleep 2.5 >/dev/null 2>&1
wait $load || true
grep -E 'in  |server CPU|floor' "$log"
echo
perf report -i "$data" --no-children -g none --stdio --sort dso 2>/dev/null | grep -vE '^#|^$' | head -n 4
echo
perf report -i "$data" --no-children --percent-limit 0.7 -g none --stdio --sort symbol 2>/dev/null | grep -vE '^#|^$' | sed 's/ *$//'
