#!/usr/bin/env bash
# 50 agents, 400 visitors and an owner act on one project while four workers are killed at random moments, and a record of its
# own shows that no rule was ever broken. TORTURE_OPERATIONS is the number of calls (100,000); TORTURE_OFFERS=1 offers conversations instead
# of giving them; HANDOFF_BINARY is the binary to test.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p .cache/bin
go build -o .cache/bin/torture ./bench/torture
exec .cache/bin/torture -binary "${HANDOFF_BINARY:-bin/handoff}" -operations "${TORTURE_OPERATIONS:-100000}" -offers="${TORTURE_OFFERS:-false}"
