#!/usr/bin/env bash
# A real Chromium against a whole server: the SDK, the widget and the dashboard. Words choose files: scripts/e2e.sh widget
set -euo pipefail
cd "$(dirname "$0")/.."

# On Debian as root, as CI is; elsewhere the tests say what is missing.
if [ -z "${HANDOFF_CHROMIUM:-}" ] && ! command -v chromium >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo 'Installing Chromium ...'
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null
fi

npm run build --silent --prefix web --workspace sdk # the tests take the SDK as its users do: built
node web/widget/size.mjs
exec node web/e2e/run.mjs "$@"
