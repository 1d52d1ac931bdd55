#!/usr/bin/env bash
# A lossy network between two network namespaces, with a server in one and `ringshard-bench soak` in the other.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/lab.sh [OPTIONS] [-- OPTIONS OF soak]    soaks a server over a lossy network
       scripts/lab.sh up [--loss PERCENT]               only creates the network, and prints how to use it
       scripts/lab.sh down ID                           removes that network

  --loss PERCENT      random loss of datagrams, each way, 0 to 99.99 [default: 5]
  --clients N         clients [default: 200]
  --mins M            minutes [default: 10]
  --blackout SECONDS  drop everything for this long in the middle; every session must survive
  --json FILE         write the result to this file as one JSON object
  --no-build          use the existing binaries

A veth pair connects two namespaces, and nftables drops datagrams that arrive at either. The script always removes its
namespaces and processes at the end, and touches nothing outside them. Needs root, ip and nft. Exit codes are those of
soak: 0: all targets met. 2: a target missed. 1: it did not run.
END
}

lab=lab
. scripts/lab/network.sh
# The default timeout of a connection is 15 s. To survive a longer blackout, clients must reconnect.
blackout_without_reconnecting=12

loss=5 clients=200 mins=10 blackout=0 build=yes
mode=soak json=() extra=()

parse() {
    case "${1:-}" in
        up) mode=up && shift ;;
        down) mode=down && id=${2:-} && return ;;
    esac
    while [ $# -gt 0 ]; do
        case "$1" in
            --help | -h) usage && exit 0 ;;
            --no-build) build=no && shift ;;
            --) shift && extra=("$@") && break ;;
            --loss | --clients | --mins | --blackout | --json)
                [ $# -ge 2 ] || die "$1 needs a value; see --help"
                case "$1" in
                    --loss) loss=$2 ;;
                    --clients) clients=$2 ;;
                    --mins) mins=$2 ;;
                    --blackout) blackout=$2 ;;
                    --json) json=(--json "$2") ;;
                esac
                shift 2
                ;;
            *) die "there is no option $1; see --help" ;;
        esac
    done
    [[ $loss =~ ^[0-9]{1,2}(\.[0-9]+)?$ ]] || die "--loss is $loss; give a percentage from 0 to 99.99, such as 5 or 0.5"
    [[ $blackout =~ ^[0-9]+$ ]] || die "--blackout is $blackout; give whole seconds"
    [[ $mins =~ ^[0-9]+(\.[0-9]+)?$ ]] || die "--mins is $mins; give minutes, such as 10 or 0.5"
}

require() {
    local lacks
    lacks=$(missing)
    [ -z "$lacks" ] || die "$lacks"
}

lose() {
    local of_10000
    of_10000=$(awk -v loss="$loss" 'BEGIN { printf "%d", loss * 100 + 0.5 }')
    for space in "$server_space" "$client_space"; do
        ip netns exec "$space" nft -f - <<END || die "nftables cannot drop at random here; the kernel needs nf_tables and nft_numgen"
table inet lab {
    counter arrived {}
    counter lost {}
    chain dark { }
    chain arriving {
        type filter hook prerouting priority 0; policy accept;
        iifname "lab0" meta l4proto udp jump dark
        iifname "lab0" meta l4proto udp counter name "arrived"
        iifname "lab0" meta l4proto udp numgen random mod 10000 < $of_10000 counter name "lost" drop
    }
}
END
    done
}

# Drops everything for the time of the blackout, in the middle.
black_out() {
    trap 'kill $!; exit' TERM
    sleep "$(darkness_begins)" &
    wait $!
    change_both add rule inet lab dark drop
    sleep "$blackout" &
    wait $!
    change_both flush chain inet lab dark
}

# Seconds from the start of the soak.
darkness_begins() {
    awk -v mins="$mins" -v dark="$blackout" 'BEGIN { at = mins * 30 - dark / 2; printf "%d", (at > 1 ? at : 1) }'
}

change_both() {
    ip netns exec "$server_space" nft "$@"
    ip netns exec "$client_space" nft "$@"
}

soak() {
    local options=(--server "$server_address:$port" --key "$key" --server-pid "$server" --clients "$clients" --mins "$mins")
    if [ "$blackout" -gt 0 ]; then
        # During the blackout no echo arrives in time, and queued messages take memory.
        options+=(--deadline-ms "$(((blackout + 10) * 1000))" --warm-up "$(($(darkness_begins) + blackout + 10))")
        [ "$blackout" -le $blackout_without_reconnecting ] || options+=(--reconnect)
        black_out &
        processes+=($!)
    fi
    ip netns exec "$client_space" "$binaries/ringshard-bench" soak "${options[@]}" "${json[@]}" "${extra[@]}" &
    local soaking=$!
    processes+=("$soaking")
    wait "$soaking"
}

# Prints how many datagrams were dropped on the way to one end.
show_loss() {
    ip netns exec "$2" nft list counters | awk -v to="$1" '
        /counter/ { of = $2 }
        /packets/ { count[of] = $2 }
        END {
            share = count["arrived"] ? 100 * count["lost"] / count["arrived"] : 0
            printf "lab: to the %s, %d of %d datagrams dropped at random (%.2f %%)\n", to, count["lost"], count["arrived"], share
        }'
}

run_soak() {
    if [ $build = yes ]; then
        scripts/prepare.sh
        scripts/build.sh >/dev/null
    fi
    find_binaries
    begin
    make_network
    lose
    make_key
    start_server --listen $server_address:$port --admin off --cpus "0-$((($(nproc) + 1) / 2 - 1))" || {
        cat "$files/server.log" >&2
        die "the server did not start; see its log above"
    }
    echo "lab: $clients clients in $client_space, a server in $server_space, $loss % loss each way, blackout ${blackout} s"
    local outcome=0
    soak || outcome=$?
    show_loss server "$server_space"
    show_loss clients "$client_space"
    return $outcome
}

run_up() {
    name $$
    trap remove_network EXIT
    make_network
    lose
    trap - EXIT
    cat <<END
The network is up: $loss % loss each way. Commands to use it:
  ip netns exec $server_space ringshard serve --listen $server_address:$port --key server.key
  ip netns exec $client_space ringshard-bench soak --server $server_address:$port --key PUBLIC_KEY
  ip netns exec $server_space nft add rule inet lab dark drop       # drop everything to the server
  ip netns exec $server_space nft flush chain inet lab dark         # stop dropping
Remove it with: scripts/lab.sh down $id
END
}

run_down() {
    [[ $id =~ ^[0-9]+$ ]] || die "down needs the number that up printed; \`ip netns list\` shows it in the names"
    name "$id"
    remove_network
}

parse "$@"
require
"run_$mode"
