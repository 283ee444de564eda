#!/usr/bin/env bash
# Every test of the repository, one kind after another. A failed kind does not keep the next from running.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

GO_TEST_LOG="$CACHE/go-test.log"
EDGE_LOG="$CACHE/edge.log"

test_go() {
    .cache/bin/testsummary -name go-test -- -race -shuffle=on -timeout 20m ./... | tee "$GO_TEST_LOG"
}

test_web() {
    npm run test --silent --workspaces --if-present --prefix web
    node web/widget/size.mjs
    node --test --test-reporter=spec web/demo/*.test.mjs web/chaos/*.test.mjs
}

# Its claims are many: they are shown only when one does not hold.
test_edge() {
    if node web/edge/run.mjs >"$EDGE_LOG" 2>&1; then
        grep '^RESULT edge=' "$EDGE_LOG"
    else
        cat "$EDGE_LOG"
        return 1
    fi
}

# The counts of the Go tests, for the RESULT line: packages=12 tests=345 ...
go_counts() {
    sed -n 's/^RESULT go-test=ok \(packages=[0-9]* tests=[0-9]*\).*/\1/p' "$GO_TEST_LOG"
}

mkdir -p "$CACHE"
stage go test_go
stage web test_web
stage rules scripts/test-db.sh outside
stage standin scripts/test-standin.sh outside
stage edge test_edge
stage demo node web/demo/demo.mjs
stage kill node web/demo/killtest.mjs
stage chaos env CHAOS_SECONDS=60 scripts/chaos.sh
stage torture env TORTURE_OPERATIONS=5000 scripts/torture.sh
finish test "$(go_counts)"
