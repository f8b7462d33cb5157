#!/usr/bin/env bash
# Installs what the lock file says, builds, and runs every test: the vectors, the worker against a NATS server of the tests'
# own, and both worker and client against the real server (CORDUM_BIN, else bin/cordum). Arguments are names of test files.
#
#   ./test.sh --modules   installs only
#   ./test.sh --install   installs and builds only
set -euo pipefail
cd "$(dirname "$0")"

if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
  echo "error: Node 20.19 or later is needed, this is $(node --version 2>/dev/null || echo none)" >&2
  exit 1
fi

if ! cmp -s package-lock.json node_modules/.installed; then
  npm ci --no-audit --no-fund --prefer-offline --loglevel=error
  cp package-lock.json node_modules/.installed
fi
if [[ "${1:-}" == --modules ]]; then exit; fi
if [[ "${1:-}" == --install ]]; then
  exec node_modules/.bin/tsc -p .
fi
rm -rf dist .build
node_modules/.bin/tsc -p .
node_modules/.bin/tsc -p test
files=(.build/*.test.js)
if (($#)); then files=("${@/#/.build/}"); files=("${files[@]/%/.test.js}"); fi
exec node --test --test-concurrency=3 --test-timeout=60000 --test-reporter="${REPORTER:-dot}" "${files[@]}"
