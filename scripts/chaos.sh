#!/usr/bin/env bash
# Breaks everything between committed events and a subscriber for CHAOS_SECONDS (default 540; below 180 in the short form)
# and shows that nothing is lost. CHAOS_ONLY=name plays one fault only; HANDOFF_BINARY is the binary to test.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p .cache/bin
go build -o .cache/bin/chaos ./bench/chaos
exec .cache/bin/chaos -binary "${HANDOFF_BINARY:-bin/handoff}" -length "${CHAOS_SECONDS:-540}s" -only "${CHAOS_ONLY:-}"
