# Two network namespaces, a server in one and clients in the other. scripts/lab.sh and scripts/lab-hosts.sh source this.
# The namespaces and the started processes are always removed at the end; nothing outside them is touched.

# Documentation addresses (RFC 5737): no real host has them.
server_address=192.0.2.1
client_address=192.0.2.2
port=3565

die() {
    echo "$lab: $1" >&2
    exit 1
}

# Prints what is missing, if anything.
missing() {
    if [ "$(id -u)" != 0 ]; then
        echo "creating network namespaces needs root; run it with sudo"
        return
    fi
    command -v ip >/dev/null || echo "there is no ip; install it (apt-get install -y iproute2) and run this again"
    command -v nft >/dev/null || echo "there is no nft; install it (apt-get install -y nftables) and run this again"
}

# Names this run's namespaces.
name() {
    id=$1
    server_space=ringshard-$id-server
    client_space=ringshard-$id-client
}

in_server() { ip netns exec "$server_space" "$@"; }
in_client() { ip netns exec "$client_space" "$@"; }

make_network() {
    ip netns add "$server_space"
    ip netns add "$client_space"
    ip -n "$server_space" link add lab0 type veth peer name lab0 netns "$client_space" ||
        die "this kernel has no veth devices (module veth)"
    plug "$server_space" $server_address
    plug "$client_space" $client_address
}

# Brings one end up. GSO batches are segmented before they cross, so that datagrams are lost one by one.
plug() {
    ip -n "$1" addr add "$2/24" dev lab0
    ip -n "$1" link set dev lab0 gso_max_segs 1
    ip -n "$1" link set lo up
    ip -n "$1" link set lab0 up
}

remove_network() {
    for space in "$server_space" "$client_space"; do
        ip netns del "$space" 2>/dev/null || true
    done
}

processes=()
files=

# Ends the started processes, and waits for them.
end_processes() {
    for process in "${processes[@]}"; do
        kill "$process" 2>/dev/null || true
    done
    for process in "${processes[@]}"; do
        wait "$process" 2>/dev/null || true
    done
    processes=()
}

clean_up() {
    trap '' INT TERM
    end_processes
    remove_network
    [ -z "$files" ] || rm -rf "$files"
}

# Creates a folder for this run, and makes sure that everything is removed at the end.
begin() {
    name $$
    trap clean_up EXIT
    trap 'exit 130' INT TERM
    files=$(mktemp -d)
}

find_binaries() {
    binaries=$(scripts/build.sh --no-build) || die "omit --no-build"
}

make_key() {
    key=$("$binaries/ringshard" keygen --out "$files/server.key" 2>"$files/keygen.log") ||
        die "cannot create a key: $(cat "$files/keygen.log")"
}

# Starts a server in its namespace with these options, through the command in `wrapper`, if any. Fails if the server ends
# before it serves. Its log is $files/server.log.
wrapper=()
start_server() {
    : >"$files/server.log"
    # Not through a function: $! must be the server itself.
    ip netns exec "$server_space" "${wrapper[@]}" "$binaries/ringshard" serve --key "$files/server.key" "$@" \
        >"$files/server.out" 2>"$files/server.log" &
    server=$!
    processes+=("$server")
    for _ in $(seq 100); do
        grep -q "serving echo" "$files/server.log" && return
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    return 1
}
