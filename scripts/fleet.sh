#!/usr/bin/env bash
# Brings up a fleet on this machine, lets players wander across the borders of its zones, disturbs it, and checks what the
# players notice.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/fleet.sh [OPTIONS]

Starts three nodes of etcd, NATS, hosts of the demonstration with a zone each, and two balancers, all on free ports of
127.0.0.1 or in namespaces. Then players enter where the balancers send them, and walk from zone to zone.

  --no-build         use the existing binaries
  --binaries DIR     use `ringshard` and `ringshard-bench` of this folder
  --hosts N          hosts: 2 or 4 (default 4)
  --players N        players (default 200)
  --secs N           seconds that they walk (default 60)
  --disturb WHAT     while they walk: host (kill -9), stop (SIGTERM to a host that does not drain then), etcd-node
                     (kill -9), etcd (all nodes stop), nats (stops), balancer (kill -9 while players enter), relay (kill -9, with
                     --edge), move (a zone goes to another host), drain (a host ends), update (two hosts with the
                     binaries of --newer start, and a rolling update replaces all others); default: nothing
  --checkpoint SECS  seconds between two checkpoints of a player; 0: none (default 10)
  --interruption MS  longest interruption of snapshots at a crossing, for 99 of 100 (default 150)
  --lost N           players that may lose their session, as on a machine that stands still for seconds (default 0)
  --away SECONDS     how long etcd or NATS stop (default 60)
  --newer DIR        binaries of another version, for --disturb update
  --gateway          two more players, in Node: one over the WebSocket of a gateway, one over UDP (needs `npm ci && npm run
                     build` in engine/typescript)
  --edge             the players reach the hosts only over an edge and one of two relays, and ask no balancer (needs --namespaces)
  --namespaces       each program in a network namespace of its own, on one bridge (needs root)
  --json FILE        write the players' result there

Needs Debian's etcd-server and nats-server.
Exit codes: 0: everything went as it must. 1: something did not; the last lines say what. 2: a program is missing.
END
}

fail() {
    printf 'wrong      %s\n' "$1" >&2
    for log in "$files"/host-*.log "$files"/balancer-*.log; do printf -- '--- %s\n' "$log" >&2 && tail -n 12 "$log" >&2; done
    exit 1
}

build=() binaries='' hosts=4 players=200 secs=60 disturb='' away=60 json='' interruption=150 lost=0 checkpoint=10 gateway='' edge='' namespaces='' newer=''
arguments=("$@")
while (($#)); do
    case $1 in
        --no-build) build=(--no-build) && shift ;;
        --binaries) binaries=$(realpath "${2:?--binaries needs a folder}") && shift 2 ;;
        --hosts) hosts=${2:?--hosts needs a number} && shift 2 ;;
        --players) players=${2:?--players needs a number} && shift 2 ;;
        --secs) secs=${2:?--secs needs a number} && shift 2 ;;
        --disturb) disturb=${2:?--disturb needs a word} && shift 2 ;;
        --lost) lost=${2:?--lost needs a number} && shift 2 ;;
        --checkpoint) checkpoint=${2:?--checkpoint needs seconds} && shift 2 ;;
        --interruption) interruption=${2:?--interruption needs milliseconds} && shift 2 ;;
        --gateway) gateway=yes && shift ;;
        --edge) edge=yes && shift ;;
        --newer) newer=$(realpath "${2:?--newer needs a folder}") && shift 2 ;;
        --namespaces) namespaces=yes && shift ;;
        --away) away=${2:?--away needs seconds} && shift 2 ;;
        --json) json=$(realpath "${2:?--json needs a file}") && shift 2 ;;
        -h | --help) usage && exit ;;
        *) echo "fleet: there is no option $1; see --help" >&2 && exit 1 ;;
    esac
done
disturbances=(host stop etcd-node etcd nats balancer relay move drain update)
[[ -z $disturb || " ${disturbances[*]} " == *" $disturb "* ]] ||
    { echo "fleet: --disturb is $disturb; it can be ${disturbances[*]}" >&2 && exit 1; }
[[ -z $edge || -n $namespaces ]] || { echo 'fleet: --edge needs --namespaces' >&2 && exit 1; }
[[ $disturb != update || -n $newer ]] || { echo 'fleet: --disturb update needs --newer' >&2 && exit 1; }
[[ $disturb != update || $hosts == 2 ]] || { echo 'fleet: --disturb update needs --hosts 2' >&2 && exit 1; }
[[ $disturb != relay || -n $edge ]] || { echo 'fleet: --disturb relay needs --edge' >&2 && exit 1; }
[[ -z $gateway || -e engine/typescript/dist/test/live/wander.js ]] ||
    { echo 'fleet: --gateway needs `npm ci && npm run build` in engine/typescript' >&2 && exit 2; }
for program in etcd nats-server python3 curl ${gateway:+node}; do
    command -v "$program" >/dev/null || { echo "fleet: $program is not installed" >&2 && exit 2; }
done
drain=60000
[[ $disturb != stop ]] || drain=0
[[ $hosts == 2 || $hosts == 4 ]] || { echo "fleet: --hosts is $hosts; it must be 2 or 4" >&2 && exit 1; }
[[ -n $binaries ]] || binaries=$(scripts/build.sh "${build[@]}")
if [[ -n $namespaces ]]; then
    [[ $(id -u) == 0 ]] || { echo 'fleet: --namespaces needs root: sudo scripts/fleet.sh --namespaces' >&2 && exit 2; }
    [[ -z $gateway ]] || { echo 'fleet: --gateway and --namespaces exclude each other' >&2 && exit 1; }
    # The bridge is in a namespace of this script, so that the machine's own network stays as it is.
    [[ -n ${FLEET_BRIDGE:-} ]] || exec env FLEET_BRIDGE=fleet0 unshare --net scripts/fleet.sh "${arguments[@]}" --binaries "$binaries"
fi
ringshard=$binaries/ringshard

files=$(mktemp -d)
declare -A processes=()
declare -A addresses=()
clean_up() {
    trap '' INT TERM
    for process in "${processes[@]}"; do kill -CONT "$process" 2>/dev/null || true; done
    for process in "${processes[@]}"; do kill -9 "$process" 2>/dev/null || true; done
    wait 2>/dev/null || true
    if [[ -n $namespaces ]]; then for name in "${!addresses[@]}"; do ip netns delete "$(space "$name")" 2>/dev/null || true; done; fi
    rm -rf "$files"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

# Ports that the kernel gives to nobody else.
ports=$(python3 - <<'END'
import random, socket
found = []
while len(found) < 30:
    port = random.randrange(10_000, 32_768)
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind(("127.0.0.1", port))
        found.append(port)
    except OSError:
        pass
print(*found)
END
)
read -ra port <<<"$ports"

space() { echo "fleet-$$-$1"; }
# Makes a namespace for a program, with an address on the bridge. Without namespaces, all have one address.
settle() {
    local name=$1 number=$((${#addresses[@]} + 10))
    addresses[$name]=127.0.0.1
    [[ -n $namespaces ]] || return 0
    addresses[$name]=10.77.0.$number
    ip netns add "$(space "$name")"
    ip link add "port$number" type veth peer name eth0 netns "$(space "$name")"
    ip link set "port$number" master "$FLEET_BRIDGE" up
    ip -n "$(space "$name")" link set lo up
    ip -n "$(space "$name")" addr add "10.77.0.$number/24" dev eth0
    ip -n "$(space "$name")" link set eth0 up
}
if [[ -n $namespaces ]]; then
    ip link set lo up
    ip link add "$FLEET_BRIDGE" type bridge
    ip addr add 10.77.0.1/24 dev "$FLEET_BRIDGE"
    ip link set "$FLEET_BRIDGE" up
fi
names=(etcd-0 etcd-1 etcd-2 nats balancer-0 balancer-1 wander)
[[ -z $edge ]] || names+=(edge relay-0 relay-1)
all=$hosts
[[ $disturb != update ]] || all=$((2 * hosts))
for ((number = 0; number < all; number++)); do names+=("host-$number"); done
for name in "${names[@]}"; do settle "$name"; done

start() {
    local name=$1 inside=()
    shift
    [[ -z $namespaces || -z ${addresses[$name]:-} ]] || inside=(ip netns exec "$(space "$name")")
    "${inside[@]}" "$@" >"$files/$name.log" 2>&1 &
    processes[$name]=$!
}

until_true() {
    local what=$1 tries=$2
    shift 2
    for ((try = 0; try < tries; try++)); do
        if "$@"; then return 0; fi
        sleep 0.2
    done
    fail "$what"
}

start_etcd() {
    local at=$1 cluster='' state=${2:-new}
    for number in 0 1 2; do cluster+=",etcd-$number=http://${addresses[etcd-$number]}:${port[number + 3]}"; done
    local client=http://${addresses[etcd-$at]}:${port[at]} peer=http://${addresses[etcd-$at]}:${port[at + 3]}
    start "etcd-$at" etcd --name "etcd-$at" --data-dir "$files/etcd-$at" --log-level warn \
        --listen-client-urls "$client" --advertise-client-urls "$client" \
        --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" \
        --initial-cluster "${cluster#,}" --initial-cluster-state "$state"
}
for at in 0 1 2; do start_etcd $at; done
start nats nats-server --addr "${addresses[nats]}" --port "${port[6]}" -js --store_dir "$files/nats"

"$ringshard" fleet keygen --out "$files/fleet.key" >/dev/null
cat >"$files/fleet.toml" <<END
[etcd]
endpoints = ["http://${addresses[etcd-0]}:${port[0]}", "http://${addresses[etcd-1]}:${port[1]}", "http://${addresses[etcd-2]}:${port[2]}"]

[bus]
servers = ["nats://${addresses[nats]}:${port[6]}"]
key-file = "$files/fleet.key"
checkpoint-secs = $checkpoint
END
if [[ -n $edge ]]; then
    "$ringshard" fleet keygen --out "$files/relay.key" >/dev/null
    "$ringshard" keygen --out "$files/gateway.key" >/dev/null 2>&1
    printf '\n[relays]\nkey-file = "relay.key"\ndirect = false\n' >>"$files/fleet.toml"
fi
export RINGSHARD_FLEET=$files/fleet.toml

fleet() { "$ringshard" fleet "$@"; }
# The events of a host's fleet, in one line.
events() {
    local inside=()
    [[ -z $namespaces ]] || inside=(ip netns exec "$(space "host-$1")")
    "${inside[@]}" curl -sf "http://127.0.0.1:${port[$1 + 12]}/metrics" |
        sed -n 's/^ringshard_fleet_events_total{event="\([a-z_]*\)"} \([0-9]*\).*/\1 \2/p' |
        grep -E '^(players|moves|zones|letters|checkpoints)' | tr '\n' ',' | sed 's/,$//; s/,/, /g'
}

# The first host has the login, whose tickets are good at all of them.
start_host() {
    local number=$1 login=(--login off)
    if ((number == 0)); then login=(--login "127.0.0.1:${port[24]}"); else login+=(--ticket-issuers "$(cat "$files/services-0/ticket.pub")"); fi
    [[ -z $edge ]] || login+=(--gateway-keys "$files/gateway.key")
    "$ringshard" keygen --out "$files/host-$number.key" >"$files/host-$number.public" 2>/dev/null
    start "host-$number" "${2:-$ringshard}" serve --game demo --layout crowd --key "$files/host-$number.key" \
        --listen "${addresses[host-$number]}:${port[number + 8]}" --admin "127.0.0.1:${port[number + 12]}" \
        --admin-socket "$files/host-$number.sock" --cpus $((number % 2)) --idle park --npcs 0 --drain-ms "$drain" --dump-dir "$files" \
        --fleet-name "host-$number" --fleet-region eu --services "$files/services-$number" "${login[@]}"
}
has_login() { [[ -s $files/services-0/ticket.pub ]]; }
has_etcd() { curl -sf --max-time 1 "http://${addresses[etcd-0]}:${port[0]}/health" | grep -q true; }
until_true 'etcd has no leader' 100 has_etcd
start_host 0
until_true 'the first host has no login' 100 has_login
for ((number = 1; number < hosts; number++)); do start_host $number; done
are_listed() { [[ $(fleet list --json 2>/dev/null | grep -c '"state": "ready"') -ge $1 ]]; }
until_true 'the hosts are not in the registry' 100 are_listed "$hosts"

# The players wander around the middle of the map, 8 km across, where all zones meet.
size=819200 middle=409600
if [[ $hosts == 4 ]]; then
    fleet zones create south-west 0,0..$middle,$middle >/dev/null
    fleet zones create south-east $middle,0..$size,$middle >/dev/null
    fleet zones create north-west 0,$middle..$middle,$size >/dev/null
    fleet zones create north-east $middle,$middle..$size,$size >/dev/null
else
    fleet zones create west 0,0..$middle,$size >/dev/null
    fleet zones create east $middle,0..$size,$size >/dev/null
fi
are_owned() { [[ $(fleet zones list --json | grep -c '"owner":') -eq $hosts ]]; }
until_true 'not every zone has a host' 100 are_owned
fleet zones list

inside=()
[[ -z $namespaces ]] || inside=(ip netns exec "$(space wander)")
for number in 0 1; do
    # To them, the players' program is a proxy: each player has an address of its own.
    start "balancer-$number" "$ringshard" balance --fleet "$files/fleet.toml" \
        --listen "${addresses[balancer-$number]}:${port[number + 16]}" --trusted-proxies "${addresses[wander]}/32" --key "$files/fleet.key"
    is_routing() { "${inside[@]}" curl -sf "http://${addresses[balancer-$number]}:${port[number + 16]}/v1/route" >/dev/null; }
    until_true 'a balancer sends nobody to a host' 50 is_routing
done

if [[ -n $edge ]]; then
    doors=()
    for ((number = 0; number < hosts; number++)); do
        doors+=(--door "host-$number=${addresses[edge]}:${port[number + 25]}")
        ip -n "$(space wander)" route add blackhole "${addresses[host-$number]}/32"
    done
    for name in relay-0 relay-1 edge; do
        more=()
        [[ $name != edge ]] || more=("${doors[@]}" --gateway-key "$files/gateway.key")
        start "$name" "$ringshard" relay --name "$name" --listen "${addresses[$name]}:${port[29]}" "${more[@]}"
    done
    are_reached() { [[ $(fleet routes --json 2>/dev/null | grep -c '"rank": 2') -ge $hosts ]]; }
    until_true 'the edge has no two routes to each host' 100 are_reached
fi

places=()
for ((number = 0; number < hosts; number++)); do
    at=${addresses[host-$number]}:${port[number + 8]}
    [[ -z $edge ]] || at=${addresses[edge]}:${port[number + 25]}
    places+=(--at "$at=$(cat "$files/host-$number.public")")
done
[[ $disturb == host || $disturb == stop ]] && lost=$players
[[ -n $edge ]] || for number in 0 1; do places+=(--balancer "http://${addresses[balancer-$number]}:${port[number + 16]}"); done
places+=(--ticket-key "$files/services-0/ticket.key")
[[ $disturb == host ]] && ((checkpoint > 0)) && places+=(--restored-ms "$((checkpoint * 1000))")
[[ $disturb == stop ]] && places+=(--restored-ms 500)
[[ $disturb == balancer ]] && places+=(--stagger-ms 100)
[[ -n $json ]] && places+=(--json "$json")
"${inside[@]}" "$binaries/ringshard-bench" wander "${places[@]}" --clients "$players" --secs "$secs" --lost "$lost" --interruption-ms "$interruption" \
    --within "$((middle - 4000)),$((middle - 4000))..$((middle + 4000)),$((middle + 4000))" >"$files/wander.out" 2>"$files/wander.log" &
walking=$!
processes[wander]=$walking

wanderer=engine/typescript/dist/test/live/wander.js
# A player in Node, whose way is the second argument.
wander() {
    node --experimental-websocket "$wanderer" "$2" "$middle" $((secs - 8)) >"$files/node-$1.log" 2>&1 &
    processes[node-$1]=$!
}
if [[ -n $gateway ]]; then
    servers=()
    for ((number = 0; number < hosts; number++)); do
        servers+=(--server "host-$number=127.0.0.1:${port[number + 8]},$(cat "$files/host-$number.public")")
    done
    start gateway "$ringshard" gateway --listen "127.0.0.1:${port[18]}" --admin "127.0.0.1:${port[19]}" --carriers websocket \
        --threads 1 "${servers[@]}"
    is_open() { curl -sf "http://127.0.0.1:${port[18]}/v1/gateway" >/dev/null; }
    until_true 'the gateway does not answer' 50 is_open
    wander websocket "http://127.0.0.1:${port[18]}"
    wander udp "127.0.0.1:${port[8]}=$(cat "$files/host-0.public")"
fi

# A balancer is killed while players enter: ten per second.
if [[ $disturb == balancer ]]; then sleep $((players / 20)); else sleep $((secs / 4)); fi
case $disturb in
    '') ;;
    host | stop)
        signal=KILL
        [[ $disturb == host ]] || signal=TERM
        kill "-$signal" "${processes[host-1]}"
        are_taken() { ! fleet zones list --json | grep -q '"owner": "host-1"'; }
        began=$SECONDS
        until_true 'nobody took the zone of the host that ended over' 100 are_taken
        ((SECONDS - began <= 10)) || fail "the zone of the host that ended had no other host for $((SECONDS - began)) s, at most 10"
        echo "disturbed  host-1 got SIG$signal; its zone had another host after $((SECONDS - began)) s"
        ;;
    etcd-node) kill -9 "${processes[etcd-1]}" && echo 'disturbed  a node of etcd was killed' ;;
    etcd)
        for at in 0 1 2; do kill -STOP "${processes[etcd-$at]}"; done
        sleep "$away"
        for at in 0 1 2; do kill -CONT "${processes[etcd-$at]}"; done
        echo "disturbed  etcd was away for $away s"
        ;;
    nats)
        kill -STOP "${processes[nats]}" && sleep "$away" && kill -CONT "${processes[nats]}"
        echo "disturbed  NATS was away for $away s"
        ;;
    balancer) kill -9 "${processes[balancer-0]}" && echo 'disturbed  a balancer was killed' ;;
    relay)
        kill -9 "${processes[relay-0]}"
        echo 'disturbed  a relay was killed'
        ;;
    move)
        zone=$(fleet zones list --json | python3 -c 'import json, sys
zones = json.load(sys.stdin)["zones"]
print(next(name for name, zone in zones.items() if zone["owner"] == "host-0"))')
        fleet zones move "$zone" host-1
        has_moved() { [[ $(fleet zones list --json | grep -c '"owner": "host-1"') -ge 2 ]]; }
        until_true 'the zone did not move' 100 has_moved
        echo "disturbed  zone $zone went to host-1"
        ;;
    update)
        for ((number = hosts; number < all; number++)); do start_host $number "$newer/ringshard"; done
        until_true 'the new hosts are not in the registry' 100 are_listed "$all"
        version=$("$newer/ringshard" --version | sed 's/.* //')
        fleet update --to "$version" --yes
        echo "disturbed  all hosts were replaced by hosts of version $version"
        ;;
    drain)
        fleet drain host-0 --reason test | tail -n 1
        echo 'disturbed  host-0 was drained'
        ;;
esac

if wait "$walking"; then outcome=0; else outcome=$?; fi
unset 'processes[wander]'
cat "$files/wander.out"
for ((number = 0; number < all; number++)); do
    echo "host-$number     $(events "$number" || echo 'has ended')"
done
if [[ -n $gateway ]]; then
    for name in websocket udp; do
        wait "${processes[node-$name]}" || fail "the player over $name: $(tail -n 5 "$files/node-$name.log")"
        unset "processes[node-$name]"
        printf '%-10s %s\n' "$name" "$(tail -n 1 "$files/node-$name.log")"
    done
fi
[[ $outcome == 0 ]] || fail "ringshard-bench wander ended with $outcome: see the lines above"
echo 'everything went as it must'
