#!/usr/bin/env bash
# Two players behind NATs of every kind, with IPv4 and IPv6, in network namespaces: which path they find to each other, and in
# what time.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/lab-peers.sh [--no-build] [SCENARIO...]    default: all scenarios, in about two minutes
       scripts/lab-peers.sh --minutes N [--no-build]      two players behind port-restricted NATs talk for N minutes from the
                                                          moment they are connected, with 5 % loss each way and another path
                                                          each minute

  open             no NAT                                                    expected: host
  lan              both in one network                                       expected: host
  full-cone        both behind full-cone NATs                                expected: reflexive
  port-restricted  both behind port-restricted NATs                          expected: reflexive
  symmetric-cone   one behind a symmetric NAT, one behind a full-cone NAT    expected: reflexive
  symmetric-one    one behind a symmetric NAT, one behind a port-restricted  expected: relay
  symmetric-both   both behind symmetric NATs                                expected: relay
  hairpin          both behind one NAT that turns datagrams around           expected: reflexive
  double           one behind two NATs                                       expected: reflexive
  dual-six         one with IPv6 behind a firewall and IPv4 behind a
                   symmetric NAT, one with IPv6 alone                        expected: host
  four-six         one with IPv4 alone, one with IPv6 alone                  expected: relay

Two players exchange a text, a mebibyte and 50 datagrams a second. The NATs are nftables rules in namespaces of their own. The
script always removes its namespaces and processes, and touches nothing outside them. Needs root, ip and nft.

Exit codes: 0: each found its expected path, everything arrived, and they talked as long as they should. 2: not so. 1: it did
not run.
END
}

lab=lab-peers
. scripts/lab/network.sh

# Documentation addresses (RFC 5737, RFC 3849): no real host has them.
meeting=[2001:db8:5::1]:3478,198.51.100.1:3478
all=(open lan full-cone port-restricted symmetric-cone symmetric-one symmetric-both hairpin double dual-six four-six)
build=yes minutes=0 chosen=() spaces=()

parse() {
    while [ $# -gt 0 ]; do
        case "$1" in
            --help | -h) usage && exit 0 ;;
            --no-build) build=no ;;
            --minutes)
                [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || die "--minutes needs whole minutes"
                minutes=$2 && shift
                ;;
            *)
                [[ " ${all[*]} " == *" $1 "* ]] || die "there is no scenario $1; see --help"
                chosen+=("$1")
                ;;
        esac
        shift
    done
    [ ${#chosen[@]} -gt 0 ] || chosen=("${all[@]}")
}

# The namespaces of one scenario replace those of network.sh.
remove_network() {
    for space in "${spaces[@]}"; do
        ip netns del "$space" 2>/dev/null || true
    done
    spaces=()
}

space() { echo "ringshard-$id-$1"; }
in_space() { ip netns exec "$(space "$1")" "${@:2}"; }

add_space() {
    ip netns add "$(space "$1")"
    spaces+=("$(space "$1")")
    ip -n "$(space "$1")" link set lo up
}

# A cable between two spaces: `cable A B`. Its devices are called to-B and to-A.
cable() {
    ip -n "$(space "$1")" link add "to-$2" type veth peer name "to-$1" netns "$(space "$2")" ||
        die "this kernel has no veth devices (module veth)"
    ip -n "$(space "$1")" link set "to-$2" up
    ip -n "$(space "$2")" link set "to-$1" up
}

# Gives a cable addresses, and B its way to everything: `address A B PREFIX LENGTH`. A has the address PREFIX1, B PREFIX2.
address() {
    # An address of IPv6 is otherwise of no use until nobody has claimed it for a second.
    local now=
    [[ $3 != *:* ]] || now=nodad
    ip -n "$(space "$1")" addr add "${3}1/$4" dev "to-$2" $now
    ip -n "$(space "$2")" addr add "${3}2/$4" dev "to-$1" $now
    ip -n "$(space "$2")" route add default via "${3}1"
}

# The internet: a router, at which the meeting point is.
add_internet() {
    add_space internet
    forward internet
    ip -n "$(space internet)" addr add 198.51.100.1/32 dev lo
    ip -n "$(space internet)" addr add 2001:db8:5::1/128 dev lo
}

forward() { in_space "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1; }

# A host or a NAT in the internet: `in_internet NAME NUMBER`. Its address is 203.0.NUMBER.2.
in_internet() {
    add_space "$1"
    cable internet "$1"
    address internet "$1" "203.0.$2." 24
}

# A host or a router in the internet of IPv6, which may have a cable to it already: `in_internet6 NAME NUMBER`. Its address is
# 2001:db8:NUMBER::2.
in_internet6() {
    [[ " ${spaces[*]} " == *" $(space "$1") "* ]] || { add_space "$1" && cable internet "$1"; }
    address internet "$1" "2001:db8:$2::" 64
}

# A host or a NAT behind a NAT: `behind NAT NAME NETWORK`. Its address is NETWORK.2.
behind() {
    add_space "$2"
    cable "$1" "$2"
    address "$1" "$2" "$3." 24
}

# Gives a host behind a router IPv6, without a NAT: `behind6 ROUTER NUMBER_OF_ROUTER NAME NUMBER`.
behind6() {
    address "$1" "$3" "2001:db8:$4::" 64
    ip -n "$(space internet)" route add "2001:db8:$4::/64" via "2001:db8:$2::2"
}

# Makes a namespace a NAT: `nat NAME KIND OUTSIDE_DEVICE`, and for a full cone the host and port inside.
nat() {
    local cone="" how="masquerade"
    forward "$1"
    case "$2" in
        full-cone) cone="iifname \"$3\" udp dport $5 dnat to $4" ;;
        symmetric) how="masquerade random,fully-random" ;;
    esac
    # A datagram from outside that belongs to no flow is dropped before it makes one of its own.
    in_space "$1" nft -f - <<END || die "nftables cannot translate addresses here; the kernel needs nf_nat"
table ip nat {
    chain before { type nat hook prerouting priority dstnat; $cone
    }
    chain after { type nat hook postrouting priority srcnat; oifname "$3" $how
    }
}
table inet guard {
    chain arriving { type filter hook input priority 0; policy accept; iifname "$3" ct state new drop
    }
    chain passing { type filter hook forward priority 0; policy accept; iifname "$3" ct state new ct status & dnat == 0 drop
    }
}
END
}

# Two networks, each behind a NAT of such a kind.
two_nats() {
    in_internet nat0 10
    in_internet nat1 11
    behind nat0 player0 10.0.0
    behind nat1 player1 10.0.1
    nat nat0 "$1" to-internet 10.0.0.2 4000
    nat nat1 "$2" to-internet 10.0.1.2 4001
}

make_open() {
    in_internet player0 10
    in_internet player1 11
}

make_lan() {
    in_internet nat0 10
    behind nat0 player0 10.0.0
    behind nat0 player1 10.0.1
    nat nat0 port-restricted to-internet
}

make_full-cone() { two_nats full-cone full-cone; }
make_port-restricted() { two_nats port-restricted port-restricted; }
make_symmetric-cone() { two_nats symmetric full-cone; }
make_symmetric-one() { two_nats symmetric port-restricted; }
make_symmetric-both() { two_nats symmetric symmetric; }

# Two players who cannot reach each other inside. The NAT passes a port on to each, also for datagrams from inside.
make_hairpin() {
    in_internet nat0 10
    behind nat0 player0 10.0.0
    behind nat0 player1 10.0.1
    forward nat0
    in_space nat0 nft -f - <<END
table ip nat {
    chain before { type nat hook prerouting priority dstnat;
        ip daddr 203.0.10.2 udp dport 4000 dnat to 10.0.0.2
        ip daddr 203.0.10.2 udp dport 4001 dnat to 10.0.1.2
    }
    chain after { type nat hook postrouting priority srcnat; oifname "to-internet" masquerade
        ct status dnat snat to 203.0.10.2
    }
}
table inet guard {
    chain passing { type filter hook forward priority 0; policy accept;
        iifname "to-player*" oifname "to-player*" ct status & dnat == 0 drop
    }
}
END
}

make_double() {
    in_internet carrier 10
    behind carrier nat0 100.64.0
    behind nat0 player0 10.0.0
    nat carrier port-restricted to-internet
    nat nat0 port-restricted to-carrier
    in_internet nat1 11
    behind nat1 player1 10.0.1
    nat nat1 port-restricted to-internet
}

# The guard of the NAT is a firewall for IPv6.
make_dual-six() {
    in_internet nat0 10
    in_internet6 nat0 10
    behind nat0 player0 10.0.0
    behind6 nat0 10 player0 100
    nat nat0 symmetric to-internet
    in_internet6 player1 11
}

make_four-six() {
    in_internet nat0 10
    behind nat0 player0 10.0.0
    nat nat0 port-restricted to-internet
    in_internet6 player1 11
}

expected_of() {
    case "$1" in
        open | lan | dual-six) echo host ;;
        symmetric-one | symmetric-both | four-six) echo relay ;;
        *) echo reflexive ;;
    esac
}

start_meeting() {
    # Not through a function: $! must be the process itself.
    ip netns exec "$(space internet)" "$mesh" meet "$meeting" >"$files/meeting.log" 2>&1 &
    processes+=($!)
    for _ in $(seq 50); do
        [ "$(grep -c "meeting at" "$files/meeting.log")" -lt 2 ] || return 0
        sleep 0.1
    done
    die "the meeting point did not start: $(cat "$files/meeting.log")"
}

# Plays with these options; the logs are player0.log and player1.log.
play() {
    local outcome=0 first second
    ip netns exec "$(space player0)" "$mesh" play "$meeting" 0 2 --port 4000 "$@" >"$files/player0.log" 2>&1 &
    first=$!
    ip netns exec "$(space player1)" "$mesh" play "$meeting" 1 2 --port 4001 "$@" >"$files/player1.log" 2>&1 &
    second=$!
    processes+=("$first" "$second")
    wait "$first" || outcome=$?
    wait "$second" || outcome=$?
    return $outcome
}

# A field of a player's result.
field() { sed -n "s/.* result .*\b$2=\([^ ]*\).*/\1/p" "$files/player$1.log"; }

run_scenario() {
    local expected path outcome=0 verdict=ok
    expected=$(expected_of "$1")
    begin_scenario "$1"
    play --secs 4 || outcome=$?
    path="$(field 0 path)/$(field 1 path)"
    case "$path" in
        "$expected/$expected") ;;
        # One end may see the other at an address that is no candidate of it.
        host/reflexive | reflexive/host) [ "$expected" = reflexive ] || [ "$expected" = host ] || verdict=fails ;;
        *) verdict=fails ;;
    esac
    [ $outcome = 0 ] || verdict=fails
    printf '%-16s %-10s %-20s %8s ms %8s ms %8s us   %s\n' "$1" "$expected" "$path" \
        "$(field 0 connect_ms)" "$(field 0 mebibyte_ms)" "$(field 0 rtt_us)" "$verdict"
    if [ $verdict = fails ]; then
        sed 's/^/    /' "$files/player0.log" "$files/player1.log" >&2
    fi
    end_processes
    remove_network
    [ $verdict = ok ]
}

begin_scenario() {
    add_internet
    "make_$1"
    start_meeting
}

# Loses 5 % of all datagrams that arrive at a player.
lose() {
    in_space "$1" nft -f - <<END || die "nftables cannot drop at random here; the kernel needs nft_numgen"
table inet loss {
    chain arriving { type filter hook prerouting priority -300; policy accept;
        iifname "to-*" meta l4proto udp numgen random mod 100 < 5 drop
    }
}
END
}

run_long() {
    local outcome=0
    begin_scenario port-restricted
    lose player0
    lose player1
    echo "$lab: $minutes minutes, 5 % loss each way, another path each minute"
    # Both ends change their sockets, and with them their addresses outside.
    play --secs $((minutes * 60)) --rebind 60 || outcome=$?
    cat "$files/player0.log" "$files/player1.log"
    if [ $outcome != 0 ]; then
        echo "$lab: something was lost; see fault= above"
        return 2
    fi
    for player in 0 1; do
        # Without the fraction: the last turn begins some milliseconds before the end.
        if [ "$(printf '%.0f' "$(field $player talked_secs)")" -lt $((minutes * 60)) ]; then
            echo "$lab: player $player talked for $(field $player talked_secs) s only, not $minutes minutes"
            return 2
        fi
    done
    echo "$lab: they talked for $minutes minutes, and nothing reliable was lost"
}

parse "$@"
lacks=$(missing)
[ -z "$lacks" ] || die "$lacks"
mesh=${MESH:-target/debug/examples/mesh}
[ $build = no ] || cargo build -q -p ringshard-peer --example mesh
[ -x "$mesh" ] || die "there is no $mesh; omit --no-build"
begin
if [ "$minutes" -gt 0 ]; then
    run_long
    exit
fi
printf '%-16s %-10s %-20s %11s %11s %11s   %s\n' scenario expected "found (each end)" connected mebibyte "round trip" verdict
outcome=0
for scenario in "${chosen[@]}"; do
    run_scenario "$scenario" || outcome=2
done
exit $outcome
