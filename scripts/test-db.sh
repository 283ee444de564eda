#!/usr/bin/env bash
# Tests the rules in the database, on the Postgres of this machine (15 or newer) and on 17 from npm. With the word `outside`
# the first is left out: scripts/test.sh has run it before.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

export HANDOFF_ACCESS_STATS="$CACHE/access-stats"
export HANDOFF_MODEL_STATS="$CACHE/model-stats"

test_here() {
    .cache/bin/testsummary -name rules-go -- -count=1 -race -shuffle=on -timeout 20m ./migrations/...
}

test_17() {
    HANDOFF_POSTGRES_BIN=npm .cache/bin/testsummary -name rules-go-17 -- -count=1 -shuffle=on -timeout 20m ./migrations/rules
}

# The objects that the access tables list: one row for each operation on a table, one for each function.
listed() {
    sed -n 's/^| \([a-z_]*\.[a-z_]*[^ ]*\) .*/\1/p' "migrations/rules/testdata/access/$1.md" | sort -u | wc -l
}

counted() {
    sed -n "s/.*\($2=[0-9]*\).*/\1/p" "$1" 2>/dev/null | tail -n 1
}

mkdir -p "$CACHE"
rm -f "$HANDOFF_ACCESS_STATS" "$HANDOFF_MODEL_STATS"
if [ "${1:-}" != outside ]; then
    stage here test_here
fi
stage postgres-17 test_17
finish rules "tables=$(listed tables) functions=$(listed functions) $(counted "$HANDOFF_ACCESS_STATS" matrix_cells) $(counted "$HANDOFF_MODEL_STATS" model_steps)"
