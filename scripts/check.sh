#!/usr/bin/env bash
# What can be said about the source without running it. Every check runs, so that one run shows everything there is to do.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

check_modules() {
    go mod verify >/dev/null
    go mod tidy -diff
}

check_migrations() {
    "$SQUAWK" --config .squawk.toml migrations/sql/*.sql
}

check_web() {
    (cd web && "$PRETTIER" --log-level warn --check .)
    npm run lint --silent --prefix web
    local script
    for script in web/demo/*.mjs web/conformance/*.mjs web/chaos/*.mjs web/edge/*.mjs; do
        node --check "$script"
    done
}

check_scripts() {
    local script
    for script in scripts/*.sh .ci/run; do
        bash -n "$script"
    done
}

# The addresses from which this machine takes packages. They are its own affair: a mirror must not find its way into a
# lock file or a document, or others would depend on it.
registry_hosts() {
    {
        npm config get registry 2>/dev/null
        go env GOPROXY | tr ',|' '\n'
    } | sed -n 's#^https\{0,1\}://\([^/:]*\).*#\1#p' | sort -u
}

check_text() {
    local host found=0
    for host in $(registry_hosts); do
        if git grep --untracked --fixed-strings --line-number "$host"; then
            echo "a committed file names the package registry $host"
            found=1
        fi
    done
    if git grep --untracked --line-number '"resolved": "http' -- '*package-lock.json'; then
        echo "a lock file says where packages were fetched; see web/.npmrc"
        found=1
    fi
    return "$found"
}

ensure_golangci_lint
ensure_node_tools
stage text check_text
stage scripts check_scripts
stage web check_web
stage migrations check_migrations
stage modules check_modules
stage format "$GOLANGCI_LINT" fmt --diff
stage vet go vet ./...
stage lint "$GOLANGCI_LINT" run
finish check "checks=$stages"
