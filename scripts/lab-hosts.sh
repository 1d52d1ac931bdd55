#!/usr/bin/env bash
# Host and network setups in network namespaces, each with a server that its clients must reach.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/lab-hosts.sh [--no-build] [SCENARIO...]    default: all scenarios, in under three minutes

  addresses      a server with several addresses answers from the address that the client used
  segmentation   a device without checksum offload; a kernel that refuses UDP_SEGMENT for one client
  memlock        too little lockable memory for io_uring, on the only core and on the second of two
  firewall       a firewall rule that rejects datagrams to one client
  slow-line      a line that carries less than the server may send at once
  mtu            large datagrams get lost silently, from the start or suddenly
  return         a client that crashed returns from the same address and port
  ipv6           a host without IPv6

Scenarios that this host does not support are skipped with the reason. Exit codes: 0: none failed. 2: one failed. 1: they
did not run. Needs root, ip and nft; touches nothing outside the two namespaces.
END
}

lab=lab-hosts
. scripts/lab/network.sh

second_address=192.0.2.11
server_address6=2001:db8::1
second_address6=2001:db8::11
client_address6=2001:db8::2
refused_client=192.0.2.3
nobody=65534

all=(addresses segmentation memlock firewall slow-line mtu return ipv6)
build=yes chosen=()

parse() {
    while [ $# -gt 0 ]; do
        case "$1" in
            --help | -h) usage && exit 0 ;;
            --no-build) build=no ;;
            *)
                [[ " ${all[*]} " == *" $1 "* ]] || die "there is no scenario $1; see --help"
                chosen+=("$1")
                ;;
        esac
        shift
    done
    [ ${#chosen[@]} -gt 0 ] || chosen=("${all[@]}")
}

# A scenario may end with one of these; the reason is printed.
fail() { why=$1 && return 1; }
skip() { why=$1 && return 77; }

add_addresses() {
    ip -n "$server_space" addr add $second_address/24 dev lab0
    ip -n "$client_space" addr add $refused_client/24 dev lab0
    ip -n "$server_space" addr add $server_address6/64 dev lab0 nodad 2>/dev/null &&
        ip -n "$server_space" addr add $second_address6/64 dev lab0 nodad &&
        ip -n "$client_space" addr add $client_address6/64 dev lab0 nodad || has_ipv6=no
}
has_ipv6=yes

# Starts a server that must serve.
serve() {
    start_server --admin 127.0.0.1:3566 --cpus "$cpus" "$@" || fail "the server did not start: $(tail -n 1 "$files/server.log")"
}

# Starts a server that must refuse to run and log each of the texts.
refuse() {
    local texts=$1 text
    shift
    ! start_server --admin off --cpus "$cpus" "$@" || fail "the server started with $*" || return
    while read -r text; do
        grep -qF "$text" "$files/server.log" ||
            fail "the server does not log \"$text\": $(tail -n 1 "$files/server.log")" || return
    done <<<"$texts"
}

# Some clients send messages to a server for a while; each echo must arrive, unaltered and in time.
clients=4 mins=0.05
talk() {
    local to=$1
    shift
    [[ $to == *:* ]] && to="[$to]"
    ip netns exec "$client_space" timeout 40 "$binaries/ringshard-bench" soak --server "$to:$port" --key "$key" \
        --clients $clients --mins $mins "$@" >"$files/talk.log" 2>&1 ||
        fail "clients at $to: $(grep -E '^verdict|^error|^ringshard-bench' "$files/talk.log" || echo "not done within 40 s")"
}

# A counter of the running server.
counter() {
    in_server timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/3566
        printf "GET /stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" >&3 && cat <&3' |
        grep -oE "\"$1\": ?[0-9]+" | head -n 1 | grep -oE "[0-9]+$"
}

expect() {
    local count
    count=$(counter "$1")
    # shellcheck disable=SC2086
    [ "${count:-none}" $2 ] || fail "the counter $1 is ${count:-missing}, expected $2"
}

# Only datagrams larger than the device's MTU may fail to be sent: MTU probes.
expect_all_sent() {
    local failed too_large
    failed=$(counter link_send_failed) too_large=$(counter link_send_too_large)
    [ "$failed" = "$too_large" ] || fail "$failed datagrams could not be sent, only $too_large of them because of their size"
}

# Makes one end drop what matches, on output or on input.
drop() {
    "$1" nft add table inet lab_hosts 2>/dev/null || skip "this kernel has no nf_tables" || return
    "$1" nft "add chain inet lab_hosts $2 { type filter hook $2 priority 0; }" &&
        "$1" nft "add rule inet lab_hosts $2 $3 drop" || fail "nft refuses to drop what matches $3"
}

# Sets the range of local ports that clients get.
client_ports() { in_client sysctl -qw net.ipv4.ip_local_port_range="$1"; }

# Waits until the client's port 40000 is free. The kernel dismantles io_uring after its process has ended, and keeps the
# sockets until then.
client_port_free() {
    for _ in $(seq 100); do
        in_client grep -qi ":9C40 " /proc/net/udp || return 0
        sleep 0.1
    done
    fail "port 40000 is still taken 10 s after its process ended"
}

play_addresses() {
    local datapath listen
    for datapath in uring mmsg; do
        for listen in 0.0.0.0 "[::]"; do
            [ $has_ipv6 = yes ] || [ $listen = 0.0.0.0 ] || continue
            serve --datapath $datapath --listen "$listen:$port" || {
                [ $datapath = uring ] && grep -q io_uring "$files/server.log" && continue 2
                return 1
            }
            talk $second_address || return
            [ $listen = 0.0.0.0 ] || talk $second_address6 || return
            expect_all_sent || return
            end_processes
        done
    done
}

play_segmentation() {
    # What the device refuses depends on the kernel: since 6.11 it needs no checksum offload.
    if command -v ethtool >/dev/null; then
        in_server ethtool -K lab0 tx off >/dev/null 2>&1 || true
        serve --listen "0.0.0.0:$port" || return
        clients=32 talk $server_address --flows relay --relays 1 --rate 60 || return
        expect_all_sent || return
        end_processes
        in_server ethtool -K lab0 tx on >/dev/null 2>&1 || true
    fi
    command -v cc >/dev/null || skip "no C compiler, which is needed to imitate a kernel that refuses; apt-get install -y gcc" || return
    cc -O1 -shared -fPIC -o "$files/refuse.so" scripts/lab/refuse-segmentation.c -ldl ||
        fail "scripts/lab/refuse-segmentation.c does not compile" || return
    local errno
    for errno in 5 22; do # EIO, EINVAL
        wrapper=(env LD_PRELOAD="$files/refuse.so" REFUSE_PORT=40000 REFUSE_ERRNO=$errno)
        serve --datapath mmsg --listen "0.0.0.0:$port" || return
        client_ports "40000 40000"
        client_port_free || return
        clients=32 talk $server_address --flows relay --relays 1 --rate 60 || return
        client_ports "32768 60999"
        expect link_segmentation_refused "-ge 1" || return
        expect link_segmentation_stopped "-ge 1" || return
        expect_all_sent || return
        end_processes
        wrapper=()
    done
}

play_memlock() {
    local as_nobody=(setpriv --reuid $nobody --regid $nobody --clear-groups)
    command -v setpriv >/dev/null || skip "no setpriv, which is needed to run as an unprivileged user" || return
    chmod 755 "$files" && chown $nobody "$files/server.key"
    cp "$binaries/ringshard" "$files/ringshard"
    # An unprivileged user can read it there.
    local own=$binaries binaries=$files limit
    # Too little for one core; then enough for one ring of about 300 KiB, but not for two.
    for limit in 65536 458752; do
        [ $limit = 65536 ] || { [ "$(nproc)" -gt 1 ] && cpus=0,1; } || break
        wrapper=(prlimit --memlock=$limit:$limit "${as_nobody[@]}")
        serve --listen "0.0.0.0:$port" || return
        if grep -q 'datapath=io_uring' "$files/server.log"; then
            skip "this kernel does not count rings as locked memory" || return
        fi
        grep -q 'cannot open a ring' "$files/server.log" || fail "the log does not give the reason why io_uring is not used" || return
        binaries=$own talk $server_address || return
        end_processes
        refuse "cannot open its ring" --datapath uring --listen "0.0.0.0:$port" || return
    done
}

play_firewall() {
    serve --listen "0.0.0.0:$port" || return
    drop in_server output "ip daddr $refused_client" || return
    ip -n "$client_space" route change 192.0.2.0/24 dev lab0 src $refused_client
    ip netns exec "$client_space" "$binaries/ringshard-bench" soak --server $server_address:$port --key "$key" --clients 1 \
        --mins 1 >/dev/null 2>&1 &
    processes+=($!)
    sleep 1
    ip -n "$client_space" route change 192.0.2.0/24 dev lab0 src $client_address
    talk $server_address || return
    expect link_send_forbidden "-ge 1" || return
}

play_slow-line() {
    serve --listen "0.0.0.0:$port" || return
    in_server tc qdisc add dev lab0 root tbf rate 4mbit burst 5kb limit 20kb 2>/dev/null ||
        skip "this kernel has no tbf (sch_tbf)" || return
    talk $server_address --deadline-ms 5000 || return
}

play_mtu() {
    # The client's device silently drops larger datagrams.
    ip -n "$client_space" link set lab0 mtu 1300
    serve --listen "0.0.0.0:$port" || return
    talk $server_address || return
    ip -n "$client_space" link set lab0 mtu 1500
    mins=0.2 talk $server_address --deadline-ms 10000 &
    local talking=$!
    sleep 4
    drop in_client input "meta l4proto udp meta length > 1260" || return
    wait $talking || fail "large datagrams get lost in the middle: $(grep ^verdict "$files/talk.log")" || return
}

play_return() {
    serve --listen "0.0.0.0:$port" || return
    client_ports "40000 40000"
    ip netns exec "$client_space" "$binaries/ringshard-bench" soak --server $server_address:$port --key "$key" --clients 1 \
        --mins 1 >/dev/null 2>&1 &
    local crashing=$!
    sleep 2
    kill -KILL $crashing
    wait $crashing 2>/dev/null || true
    client_port_free || return
    clients=1 talk $server_address || return
    client_ports "32768 60999"
    expect joined "-eq 2" || return
}

play_ipv6() {
    # A kernel without IPv6: the wildcard address means all IPv4 addresses; a specific one is refused.
    if command -v python3 >/dev/null; then
        wrapper=(python3 scripts/lab/no-ipv6.py)
        serve --listen "[::]:$port" || return
        grep -q "no IPv6" "$files/server.log" || fail "the log does not say that the server listens on IPv4 only" || return
        talk $second_address || return
        end_processes
        refuse $'[::1]:'$port$'\nIPv6' --listen "[::1]:$port" || return
        wrapper=()
    fi
    # Too few file descriptors must not be reported as missing IPv6.
    local most
    for most in 4 5 6 7; do
        wrapper=(prlimit --nofile=$most)
        start_server --admin off --cpus 0 --listen "[::]:$port" || true
        ! grep -q "no IPv6" "$files/server.log" || fail "the server reports too few file descriptors as missing IPv6" || return
        end_processes
    done
    wrapper=()
    # Disabled in a namespace: there are no addresses.
    in_server sysctl -qw net.ipv6.conf.all.disable_ipv6=1 2>/dev/null || skip "this kernel has no IPv6" || return
    refuse "[::1]:$port" --listen "[::1]:$port" || return
    serve --listen "[::]:$port" || return
    talk $second_address || return
}

run() {
    local scenario outcome failed=0 played=0
    for scenario in "${chosen[@]}"; do
        make_network
        add_addresses
        why='' wrapper=() cpus=0 outcome=0
        "play_$scenario" || outcome=$?
        case $outcome in
            0) echo "ok       $scenario" && played=$((played + 1)) ;;
            77) echo "skipped  $scenario: $why" ;;
            *)
                echo "FAILED   $scenario: $why"
                failed=$((failed + 1))
                ;;
        esac
        end_processes
        remove_network
    done
    echo "$lab: $played passed, $failed failed"
    [ $failed = 0 ] || exit 2
}

parse "$@"
lacks=$(missing)
if [ -n "$lacks" ]; then
    echo "$lab: skipped: $lacks"
    exit 0
fi
if [ $build = yes ]; then
    scripts/prepare.sh
    scripts/build.sh >/dev/null
fi
find_binaries
begin
if ! ip netns add "$server_space" 2>/dev/null; then
    echo "$lab: skipped: this kernel or container allows no network namespaces"
    exit 0
fi
remove_network
make_key
run
