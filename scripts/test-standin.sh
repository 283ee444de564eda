#!/usr/bin/env bash
# Tests the stand-in for Supabase: its Go tests, the claims of web/conformance with unmodified supabase-js, and a crowd of
# sockets. With the word `outside` the Go tests are left out: scripts/test.sh has run them before.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

CONFORMANCE_LOG="$CACHE/conformance.log"
SOCKETS_LOG="$CACHE/sockets.log"

test_go() {
    .cache/bin/testsummary -name standin-go -- -race -shuffle=on -timeout 20m ./supabase/local/...
}

# The claims are some hundreds: they are shown only when one does not hold.
test_conformance() {
    if node web/conformance/run.mjs >"$CONFORMANCE_LOG" 2>&1; then
        grep '^RESULT conformance=' "$CONFORMANCE_LOG"
    else
        cat "$CONFORMANCE_LOG"
        return 1
    fi
}

# Without -race, which multiplies the memory that is measured. What cannot be opened here is skipped with a reason.
test_sockets() {
    if go test -count=1 -v -timeout 5m -run '^TestCrowd$' ./supabase/local/channels >"$SOCKETS_LOG" 2>&1; then
        grep -E '^STANDIN |^ +[a-z_]+\.go:[0-9]+: ' "$SOCKETS_LOG"
    else
        cat "$SOCKETS_LOG"
        return 1
    fi
}

conformance_counts() {
    sed -n 's/^RESULT conformance=.* claims=\([0-9]*\/[0-9]*\) .*/conformance=\1/p' "$CONFORMANCE_LOG"
}

sockets_counts() {
    local counts
    counts=$(sed -n 's/^STANDIN \(sockets=[0-9]* rss_mb=[0-9]*\).*/\1/p' "$SOCKETS_LOG")
    echo "${counts:-sockets=skipped}"
}

mkdir -p "$CACHE"
rm -f "$CONFORMANCE_LOG" "$SOCKETS_LOG"
if [ "${1:-}" != outside ]; then
    stage go test_go
fi
stage conformance test_conformance
stage sockets test_sockets
finish standin "$(conformance_counts) $(sockets_counts)"
