# Shared by the scripts: sourced, never run. The caller has set -euo pipefail and stands in the repository's root.
# shellcheck shell=bash

CACHE="$PWD/.cache"
GOLANGCI_LINT="$CACHE/golangci-lint-$GOLANGCI_LINT_VERSION/golangci-lint"
# A cache of this checkout's own: the shared one remembers paths of other checkouts, which the exclusions do not match.
export GOLANGCI_LINT_CACHE="$CACHE/golangci-lint-cache"
NODE_TOOLS="$CACHE/node-tools-$PRETTIER_VERSION-$SQUAWK_VERSION"
PRETTIER="$NODE_TOOLS/node_modules/.bin/prettier"
SQUAWK="$NODE_TOOLS/node_modules/.bin/squawk"

# The folder's name holds the version, so that another version is another folder and nothing stale is ever used.
ensure_golangci_lint() {
    if [ -x "$GOLANGCI_LINT" ]; then
        return
    fi
    echo "Building golangci-lint $GOLANGCI_LINT_VERSION (once, a few minutes) ..."
    GOBIN="$(dirname "$GOLANGCI_LINT")" GOFLAGS='' \
        go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$GOLANGCI_LINT_VERSION"
}

ensure_node_tools() {
    if [ -x "$PRETTIER" ] && [ -x "$SQUAWK" ]; then
        return
    fi
    echo "Installing prettier $PRETTIER_VERSION and squawk $SQUAWK_VERSION (once) ..."
    npm install --silent --no-save --no-audit --no-fund --prefix "$NODE_TOOLS" \
        "prettier@$PRETTIER_VERSION" "squawk-cli@$SQUAWK_VERSION"
}

# stage NAME COMMAND...: runs one stage of a script, prints how long it took and keeps its verdict. The command is not
# run as a condition: there bash would ignore `set -e`, and a function would end with the verdict of its last line alone.
stages=0
failed_stages=()
stage() {
    local name=$1 started=$SECONDS code
    shift
    stages=$((stages + 1))
    printf '== %s\n' "$name"
    set +e
    (
        set -e
        "$@"
    )
    code=$?
    set -e
    if [ "$code" -eq 0 ]; then
        printf '   ok, %s s\n' "$((SECONDS - started))"
    else
        printf '   FAILED, %s s\n' "$((SECONDS - started))"
        failed_stages+=("$name")
    fi
}

# finish NAME [KEY=VALUE...]: prints the RESULT line and ends the script with the verdict on all stages.
finish() {
    local name=$1
    shift
    if [ "${#failed_stages[@]}" -eq 0 ]; then
        echo "RESULT $name=ok $* seconds=$SECONDS"
        exit 0
    fi
    local IFS=,
    echo "RESULT $name=failed in=${failed_stages[*]} seconds=$SECONDS"
    exit 1
}
