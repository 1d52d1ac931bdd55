#!/usr/bin/env bash
# Plays a player's session from end to end against a server of its own: register, log in, get a ticket, enter the demonstration,
# chat, call an action, download, log out; and a wrong step at each point, which must get a clear error.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
Usage: scripts/services.sh [OPTIONS]

  --no-build       use the existing binaries
  --binary FILE    use this `ringshard`

Starts `ringshard serve --game demo` with services in a temporary folder, on free ports. scripts/services-https.sh plays the
HTTPS half with curl; `ringshard call` plays the world's half over UDP.

Exit codes: 0: each step went as it must. 1: a step went otherwise, which the last line names.
END
}

fail() {
    printf 'wrong      %s\n' "$1" >&2
    exit 1
}

build=() ringshard=
while (($#)); do
    case $1 in
        --no-build) build=(--no-build) && shift ;;
        --binary) ringshard=$(realpath "${2:?--binary needs a file}") && shift 2 ;;
        -h | --help) usage && exit ;;
        *) fail "there is no option $1; see --help" ;;
    esac
done
[[ -n $ringshard ]] || ringshard=$(scripts/build.sh "${build[@]}")/ringshard

files=$(mktemp -d)
processes=()
clean_up() {
    trap '' INT TERM
    for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$files"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

# run NAME CODE WORDS COMMAND...: the command ends with CODE, and what it prints has WORDS. Standard output is kept in $said.
run() {
    local name=$1 expected=$2 words=$3 code=0
    shift 3
    said=$("$@" 2>"$files/error" </dev/null) || code=$?
    [[ $code == "$expected" ]] || fail "$name: expected exit code $expected, got $code: $said $(cat "$files/error")"
    grep -qF -- "$words" <<<"$said"$'\n'"$(cat "$files/error")" ||
        fail "$name: \`$words\` is missing from: $said $(cat "$files/error")"
    printf 'ok    %-4s %s\n' "$code" "$name"
}

# until_has NAME WORDS FILE: waits until the file has WORDS.
until_has() {
    local name=$1 words=$2 file=$3
    for _ in {1..200}; do
        ! grep -qsF -- "$words" "$file" || { printf 'ok         %s\n' "$name" && return; }
        sleep 0.05
    done
    fail "$name: \`$words\` is missing from: $(cat "$file")"
}

# post PATH JSON [TOKEN]: the answer of the login door.
post() {
    local arguments=(--silent --show-error --max-time 20 --cacert "$certificate" --data "$2")
    [[ -z ${3:-} ]] || arguments+=(--header "Authorization: Bearer $3")
    curl "${arguments[@]}" --header "Content-Type: application/json" "$door$1" || fail "POST $1: no answer"
}

# field NAME: a field of the JSON on standard input.
field() {
    sed -n "s/.*\"$1\":\"\\{0,1\\}\\([^\",}]*\\).*/\\1/p"
}

# register NAME: makes an account and keeps its token in the file NAME.
register() {
    local body="{\"email\": \"$1@example.org\", \"name\": \"$1\", \"password\": \"correct horse\"}"
    post /v1/accounts "$body" | field token >"$files/$1"
    [[ -s $files/$1 ]] || fail "register $1: no token"
}

# ticket NAME: a new ticket of the account, in the file NAME.ticket.
ticket() {
    post /v1/ticket '{}' "$(cat "$files/$1")" | field ticket >"$files/$1.ticket"
}

# https ARGUMENTS: ringshard call over HTTPS.
https() {
    "$ringshard" call "$door" --certificate "$certificate" "$@"
}

# world NAME ARGUMENTS: ringshard call over UDP, with a new ticket of the account.
world() {
    ticket "$1"
    "$ringshard" call "127.0.0.1:$port" "$key" --ticket "@$files/$1.ticket" "${@:2}"
}

port=$((20000 + RANDOM % 20000))
door=https://localhost:$((port + 2))
services=$files/services
certificate=$services/tls/development.pem
printf 'name,lat,lon,population\nParis,48.85,2.35,2100000\nSuva,-18.14,178.44,93000\n' >"$files/cities.csv"
head -c 3000000 /dev/urandom >"$files/north.ringmap"
"$ringshard" places import "$files/cities.csv" --dir "$services" >/dev/null
"$ringshard" resources keygen --out "$files/resources.key" >"$files/resources.pub" 2>/dev/null
"$ringshard" resources add "$files/north.ringmap" --key "$files/resources.key" --dir "$services" >/dev/null
key=$("$ringshard" keygen --out "$files/server.key" 2>/dev/null)
"$ringshard" serve --game demo --listen "127.0.0.1:$port" --admin "127.0.0.1:$((port + 1))" --cpus 0 --key "$files/server.key" \
    --services "$services" --login "127.0.0.1:$((port + 2))" >"$files/server.out" 2>"$files/server.log" &
server=$!
processes+=("$server")
until_has "the server serves" "serving" "$files/server.log"

printf '\nOver HTTPS, with curl\n'
scripts/services-https.sh "$door" "$certificate"

printf '\nAn action over both doors\n'
register ann
register bob
complete=(/v1/places/complete --field text=par)
run "a place over HTTPS" 0 'name: "Paris"' https "${complete[@]}"
run "the same place over UDP" 0 'name: "Paris"' world ann "${complete[@]}"
run "the list over HTTPS" 0 /v1/places/complete https --list /v1/places
run "the list over UDP" 0 /v1/places/complete world ann --list /v1/places
run "a field that there is none of" 2 "no such field" https /v1/places/complete --field txt=par
run "the same over UDP" 2 "no such field" world ann /v1/places/complete --field txt=par
run "an action that does not exist" 1 "no action /v1/none" world ann /v1/none
run "what needs a login, without one" 1 "status 401" https /v1/chat/history --field room=hall
run "a certificate that is not the door's" 3 certificate "$ringshard" call "$door" --fingerprint "$(printf '0%.0s' {1..64})" --list

printf '\nTickets\n'
ticket ann
enter=("$ringshard" call "127.0.0.1:$port" "$key" --list /v1/places)
run "enter with a ticket" 0 /v1/places/complete "${enter[@]}" --ticket "@$files/ann.ticket"
run "enter with the same ticket again" 1 "ticket is not good" "${enter[@]}" --ticket "@$files/ann.ticket"
run "enter without a ticket" 1 "ticket is not good" "${enter[@]}"
run "enter with what is no ticket" 2 "no base64url" "${enter[@]}" --ticket '***'
export RINGSHARD_PASSWORD="correct horse"
login=(--login "$door" --certificate "$certificate" --email ann@example.org --list /v1/places)
run "log in and enter in one command" 0 /v1/places/complete "$ringshard" call "127.0.0.1:$port" "${login[@]}"
export RINGSHARD_PASSWORD="wrong horse"
run "the same with a wrong password" 1 "status 401" "$ringshard" call "127.0.0.1:$port" "${login[@]}"
unset RINGSHARD_PASSWORD

printf '\nChat\n'
listen() {
    ticket "$1"
    "$ringshard" call "127.0.0.1:$port" "$key" --ticket "@$files/$1.ticket" --chat hall >"$files/$1.heard" 2>"$files/$1.log" &
    processes+=($!)
    until_has "$1 is in the room" "in room hall" "$files/$1.log"
}
listen ann
listen bob
bob=${processes[-1]}
run "bob speaks over HTTPS" 0 number https /v1/chat/say --field room=hall --field "text=by HTTPS" --token-file "$files/bob"
until_has "ann hears it over UDP" "[hall] bob: by HTTPS" "$files/ann.heard"
run "bob speaks in a room where he is not" 1 "status 4" https /v1/chat/say -f room=attic -f text=hi --token-file "$files/bob"
kill -TERM "$bob"
wait "$bob" || fail "bob's client does not end well: $(cat "$files/bob.log")"
run "bob speaks over UDP" 0 number world bob --say hall "by UDP"
run "ann reads it over HTTPS" 0 '"by UDP"' https /v1/chat/history --field room=hall --token-file "$files/ann"
run "a room with a name that cannot be" 1 "status 400" world bob --say "NO ROOM" hello

printf '\nDownloads\n'
out=$files/downloaded
run "a signed resource" 0 signed world bob --download north.ringmap --key "$(cat "$files/resources.pub")" --out "$out"
cmp -s "$files/north.ringmap" "$out" || fail "the downloaded file differs"
run "over a file that exists" 2 "already exists" world bob --download north.ringmap --trust-server --out "$out"
rm "$out"
run "signed with another key" 1 "not signed" world bob --download north.ringmap --key "$(printf '1%.0s' {1..64})" --out "$out"
run "a resource that does not exist" 1 "no such resource" world bob --download south --trust-server --out "$out"
[[ ! -e $out ]] || fail "a failed download leaves a file"

printf '\nThe end\n'
post /v1/logout '' "$(cat "$files/bob")" >/dev/null
run "a call after the logout" 1 "status 401" https /v1/chat/history --field room=hall --token-file "$files/bob"
kill -TERM "$server"
wait "$server" || fail "the server does not end well: $(tail -n 5 "$files/server.log")"
run "a call after the end of the server" 3 "cannot reach" https --list
printf '\nall steps went as they must\n'
