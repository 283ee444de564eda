#!/usr/bin/env bash
# A real Chromium against a whole server: the SDK, the widget and the dashboard. Words choose files: scripts/e2e.sh widget
set -euo pipefail
cd "$(dirname "$0")/.."

npm run build --silent --prefix web --workspace sdk # the tests take the SDK as its users do: built
node web/widget/size.mjs
exec node web/e2e/run.mjs "$@"
