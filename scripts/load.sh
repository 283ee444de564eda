#!/usr/bin/env bash
# The load of F001 11.3 (1,000 conversations, 100 messages a second, 5,000 sockets) and ten times it. LOAD=seed or tenfold for one,
# LOAD_SECONDS is how long each is measured.
set -euo pipefail
cd "$(dirname "$0")/.."

# Twenty thousand sockets need as many files, here and in the gateway.
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
mkdir -p .cache/bin
go build -o .cache/bin/load ./bench/load
exec .cache/bin/load -binary "${HANDOFF_BINARY:-bin/handoff}" -bench load -part "${LOAD:-}" -seconds "${LOAD_SECONDS:-20}"
