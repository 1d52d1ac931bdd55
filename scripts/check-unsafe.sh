#!/usr/bin/env bash
# The files that may contain unsafe code. Another one is a decision: add it here, with what it needs it for.
set -euo pipefail
cd "$(dirname "$0")/.."
allowed="
bench/src/flood/volley.rs          sendmmsg with a source address of its own
bench/src/floor/server.rs          recvmmsg and sendmmsg on bare buffers
engine/src/link/buffer.rs          mappings shared with the kernel
engine/src/link/message.rs         sockaddr and msghdr
engine/src/link/mmsg.rs            recvmmsg, sendmmsg, ppoll
engine/src/link/outbox.rs          slices of memory that runs are made of, and headers that point to them
engine/src/link/socket.rs          socket options
engine/src/link/uring/buffers.rs   the ring of receive buffers
engine/src/link/uring/mod.rs       submissions
engine/src/prefetch.rs             one instruction
"
found=$(grep -rlE '\bunsafe (\{|fn|impl|extern)' --include='*.rs' engine/src engine/tests engine/fuzz/src shard bench | sort)
unexpected=$(comm -23 <(echo "$found") <(echo "$allowed" | awk 'NF { print $1 }' | sort))
if [ -n "$unexpected" ]; then
    echo "unsafe code in files that are not on the list of scripts/check-unsafe.sh:" >&2
    echo "$unexpected" >&2
    exit 1
fi
echo "unsafe code in $(echo "$found" | wc -l) files, all of them listed"
