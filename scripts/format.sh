#!/usr/bin/env bash
# Rewrites the sources in the house format.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

ensure_golangci_lint
ensure_node_tools
stage go "$GOLANGCI_LINT" fmt
stage web "$PRETTIER" --log-level warn --write web
finish format
