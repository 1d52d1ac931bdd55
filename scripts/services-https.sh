#!/usr/bin/env bash
# Plays the HTTPS half of the services with curl, against a server that runs: register, log in, get a ticket, call an action,
# log out, and a wrong step at each point. Ends with 0 if every answer is as it must be, else names the first that is not.
#
#   scripts/services-https.sh https://localhost:3567 services/tls/development.pem
set -euo pipefail

door=${1:?"usage: $0 https://HOST:PORT CERTIFICATE"}
certificate=${2:?"usage: $0 https://HOST:PORT CERTIFICATE"}
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
# Each run has a player of its own.
player=$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
token=

# step NAME STATUS METHOD PATH [JSON]: sends a request with the token, if there is one, and checks the answer's status.
step() {
    local name=$1 expected=$2 method=$3 path=$4 status
    local arguments=(--silent --show-error --max-time 20 --cacert "$certificate" --output "$answer" --request "$method")
    [[ -z $token ]] || arguments+=(--header "Authorization: Bearer $token")
    [[ $# -lt 5 ]] || arguments+=(--header "Content-Type: application/json" --data "$5")
    : >"$answer"
    status=$(curl "${arguments[@]}" --write-out '%{http_code}' "$door$path") || fail "$name: no answer"
    [[ $status == "$expected" ]] || fail "$name: expected $expected, got $status: $(cat "$answer")"
    if ((status >= 400)) && ! grep -q '"error":"..*"' "$answer"; then
        fail "$name: the refusal does not say what happened: $(cat "$answer")"
    fi
    printf 'ok    %-4s %s\n' "$status" "$name"
}

fail() {
    printf 'wrong      %s\n' "$1" >&2
    exit 1
}

# field NAME: a field of the last answer.
field() {
    sed -n "s/.*\"$1\":\"\\{0,1\\}\\([^\",}]*\\).*/\\1/p" "$answer"
}

email=$player@example.org
step "health" 200 GET /v1/health
step "a path without anything" 404 GET /v1/nothing
step "the wrong method" 405 GET /v1/login
step "register without a password" 400 POST /v1/accounts "{\"email\": \"$email\", \"name\": \"$player\"}"
step "register" 201 POST /v1/accounts "{\"email\": \"$email\", \"name\": \"$player\", \"password\": \"correct horse\"}"
step "register again" 409 POST /v1/accounts "{\"email\": \"$email\", \"name\": \"other\", \"password\": \"correct horse\"}"
step "log in with a wrong password" 401 POST /v1/login "{\"email\": \"$email\", \"password\": \"wrong horse\"}"
step "log in with what is no JSON" 400 POST /v1/login "{"
step "a ticket without a login" 401 POST /v1/ticket
step "log in" 200 POST /v1/login "{\"email\": \"$email\", \"password\": \"correct horse\"}"
token=$(field token)
[[ ${#token} == 43 ]] || fail "log in: the token has ${#token} characters"
step "go on with a token" 200 POST /v1/login "{\"token\": \"$token\"}"
step "sessions" 200 GET /v1/sessions
step "a challenge for what is no key of a device" 400 POST /v1/challenge '{"key": "AAAA"}'
step "a challenge for a device" 200 POST /v1/challenge "{\"key\": \"$(printf 'A%.0s' {1..43})\"}"
challenge=$(field challenge)
proof="{\"key\": \"$(printf 'A%.0s' {1..43})\", \"challenge\": \"$challenge\", \"signature\": \"$(printf 'A%.0s' {1..86})\"}"
step "a device whose signature is wrong" 401 POST /v1/devices "{\"device\": $proof, \"label\": \"laptop\"}"
step "devices" 200 GET /v1/devices
step "a session that does not exist" 404 DELETE /v1/sessions/999999999
step "a ticket for an unknown server" 404 POST /v1/ticket "{\"server\": \"$(printf '0%.0s' {1..64})\"}"
step "a ticket" 200 POST /v1/ticket
[[ -n $(field ticket) && -n $(field server_key) && -n $(field address) ]] || fail "a ticket: $(cat "$answer")"
step "the actions" 200 GET /v1/actions
step "the description" 200 GET /v1/openapi.json
step "an action that does not exist" 404 POST /v1/none "{}"
step "an action with a wrong field" 400 POST /v1/chat/say '{"romm": "world"}'
step "chat without a connection" 409 POST /v1/chat/say '{"room": "world", "text": "hello"}'
step "a body that is too long" 413 POST /v1/login "$(printf '%070000d' 0)"
step "log out" 204 POST /v1/logout
step "a ticket after the logout" 401 POST /v1/ticket
