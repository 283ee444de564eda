#!/usr/bin/env bash
# Measures. BENCH=bridge, assign, growth, presence or micro; all of them without it. BENCH_SECONDS is the length of one measurement at a
# fixed rate, BENCH_COUNT how often a micro benchmark is repeated. Results are in bench/results.
set -euo pipefail
cd "$(dirname "$0")/.."

BINARY="${HANDOFF_BINARY:-bin/handoff}"
MICRO_PACKAGES="./realtime/... ./worker/..."
MICRO_RESULT=bench/results/micro.txt

bench_load() {
    .cache/bin/load -binary "$BINARY" -bench "$1" -seconds "${BENCH_SECONDS:-8}"
}

# The output is what benchstat reads: compare two of them with `benchstat before.txt after.txt`.
bench_micro() {
    local started=$SECONDS
    mkdir -p bench/results
    # shellcheck disable=SC2086 # a list of patterns
    if ! go test -run '^$' -bench . -benchmem -count "${BENCH_COUNT:-5}" $MICRO_PACKAGES >"$MICRO_RESULT.new"; then
        cat "$MICRO_RESULT.new"
        rm -f "$MICRO_RESULT.new"
        echo "RESULT bench=micro result=failed"
        return 1
    fi
    grep -E '^(goos|goarch|pkg|cpu|Benchmark)' "$MICRO_RESULT.new" >"$MICRO_RESULT" || true
    rm -f "$MICRO_RESULT.new"
    cat "$MICRO_RESULT"
    echo "RESULT bench=micro result=ok lines=$(grep -c '^Benchmark' "$MICRO_RESULT") seconds=$((SECONDS - started))"
}

# The peers that stand beside ours: River is a Go module of its own, graphile-worker an npm package.
build_peers() {
    go build -C bench/peers -o "$PWD/.cache/bin/river-peer" ./river
    if [ ! -d bench/peers/graphile/node_modules ]; then
        npm ci --prefix bench/peers/graphile --silent
    fi
}

mkdir -p .cache/bin
go build -o .cache/bin/load ./bench/load
failed=0
for name in ${BENCH:-bridge assign growth presence micro}; do
    if [ "$name" = micro ]; then
        bench_micro || failed=1
    else
        name=${name/#assignment/assign} # its name until lately
        if [ "$name" = assign ]; then
            build_peers
        fi
        bench_load "$name" || failed=1
    fi
done
.cache/bin/load -bench table
exit "$failed"
