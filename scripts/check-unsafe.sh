#!/usr/bin/env bash
# The files that may contain unsafe code, and why. To allow another file, decide so and add it here.
set -euo pipefail
cd "$(dirname "$0")/.."
allowed="
bench/src/flood/send_batch.rs      sendmmsg from forged source addresses
bench/src/floor/relay/server.rs    a bare ring whose replies leave from the receive buffers
bench/src/floor/server.rs          recvmmsg and sendmmsg on bare buffers
bench/src/floor/socket.rs          socket options that the standard library lacks
engine/client/c/src/calls/frame.rs     what a C program points to
engine/client/c/src/calls/general.rs   what a C program points to
engine/client/c/src/calls/lifetime.rs  what a C program points to
engine/client/c/src/calls/talk.rs      what a C program points to
engine/client/c/src/calls/terrain.rs   what a C program points to
engine/client/c/src/calls/udp.rs       what a C program points to
engine/client/c/src/calls/world.rs     what a C program points to
engine/client/c/src/config.rs      the structs of a C program
engine/client/c/src/game.rs        a C program's pointer, sent along
engine/client/c/src/handle.rs      handles that a C program owns
engine/client/c/src/memory.rs      reading and writing through pointers of a C program
engine/client/c/src/tests.rs       a test of handles
engine/client/godot/src/lib.rs     the declaration of a Godot extension
engine/link/src/buffer.rs          mappings shared with the kernel
engine/link/src/message.rs         sockaddr and msghdr
engine/link/src/mmsg.rs            recvmmsg, ppoll
engine/link/src/outbox.rs          slices of send memory, and headers that point to it
engine/link/src/sendmmsg.rs        sendmmsg
engine/link/src/socket.rs          socket options
engine/link/src/uring/buffers.rs   the ring of receive buffers
engine/link/src/uring/mod.rs       submissions
engine/prefetch/src/lib.rs         one instruction
shard/src/world/map_file.rs        a file mapped into memory
"
found=$(grep -rlE '\bunsafe (\{|fn|impl|extern)' --include='*.rs' --exclude-dir=target engine shard bench | sort)
unexpected=$(comm -23 <(echo "$found") <(echo "$allowed" | awk 'NF { print $1 }' | sort))
if [ -n "$unexpected" ]; then
    echo "unsafe code in files that are not on the list of scripts/check-unsafe.sh:" >&2
    echo "$unexpected" >&2
    exit 1
fi
echo "unsafe code in $(echo "$found" | wc -l) files, all of them listed"
