#!/usr/bin/env bash
# Builds and tests the TypeScript client and the page: scripts/typescript.sh [RINGSHARD]
# With the program of a server, also runs engine/conformance/scenarios.json, a session over a gateway, and services against it. Needs Node 20.19 or newer.
# Exit status: 0: all is well. 2: Node is missing or too old, or the packages cannot be installed.
set -euo pipefail
server=${1:+$(realpath "$1")}
cd "$(dirname "$0")/../engine/typescript"

if ! node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2> /dev/null; then
  echo "typescript.sh: needs Node 20.19 or newer: install it, or put it into PATH" >&2
  exit 2
fi
# The lock file says what is installed.
if ! cmp -s package-lock.json node_modules/.typescript-sh-lock; then
  npm ci --no-audit --no-fund || { echo "typescript.sh: cannot install the packages" >&2 && exit 2; }
  cp package-lock.json node_modules/.typescript-sh-lock
fi
npm test
npm run --silent size
if [ -n "$server" ]; then
  for live in scenarios gateway services; do
    # Node 20 has a WebSocket behind this option.
    RINGSHARD=$server node --experimental-websocket "dist/test/live/$live.js"
  done
fi
