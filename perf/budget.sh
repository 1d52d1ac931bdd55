#!/usr/bin/env bash
# Instructions that an unreliable packet of 64 bytes costs (ChaCha20-Poly1305), against the budget in perf/budget.json:
# what noise cannot move. Needs valgrind and python3. Exit code 1: over the budget.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind > /dev/null || { echo "budget: valgrind is missing: apt-get install -y valgrind" >&2; exit 1; }
target=$(cargo metadata --format-version 1 --no-deps | sed -nE 's/.*"target_directory":"([^"]+)".*/\1/p')
cargo build --release --locked --quiet -p ringshard-harness --example packets

instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$target/release/examples/packets" "$1" "$2" 2>&1 |
        awk '/Collected/ { print $4 }'
}

per_packet() { echo $((($(instructions 3000 "$1") - $(instructions 1000 "$1")) / 2000)); }

client=$(per_packet client)
received=$(per_packet received)
answered=$(per_packet answered)
python3 - "$client" $((received - client)) $((answered - received)) <<'END'
import json, sys
budget = json.load(open("perf/budget.json"))
over = False
print(f"{'instructions per unreliable packet':<36}{'before':>8}{'most':>8}{'now':>8}")
for (name, line), now in zip(budget["operations"].items(), map(int, sys.argv[1:])):
    print(f"{name:<36}{line['before']:>8}{line['most']:>8}{now:>8}  {now / line['before'] - 1:+.1%}")
    over |= now > line["most"]
sys.exit(over)
END
