#!/usr/bin/env bash
# Builds the pages that bin/handoff embeds (web/dist), unless nothing they are made of has changed. Without npm there are no
# pages: the program is built all the same and says so where they would be.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v npm >/dev/null; then
    echo 'npm is not installed: bin/handoff is built without the demo shop and the dashboard'
    exit 0
fi

# What the pages are made of: sources and the lock file, by name and content.
fingerprint() {
    find web/sdk web/widget web/dashboard web/shop web/package-lock.json web/tsconfig.base.json scripts/pages.sh \
        \( -name node_modules -o -name dist \) -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
}

stamp=.cache/pages.sha256
now=$(fingerprint)
if [ -f web/dist/shop/index.html ] && [ "$(cat "$stamp" 2>/dev/null)" = "$now" ]; then
    exit 0
fi
echo 'Building the pages ...'
rm -rf "$stamp" web/dist/shop web/dist/widget web/dist/dashboard
# Both take the SDK from its source. What a build says is of interest when it fails.
log=$(npm run build --silent --prefix web --workspace widget --workspace dashboard 2>&1) || {
    echo "$log"
    exit 1
}
node web/shop/build.mjs
for page in shop widget dashboard; do
    if [ -d "web/$page/dist" ]; then
        cp -R "web/$page/dist" "web/dist/$page"
    fi
done
mkdir -p .cache
echo "$now" >"$stamp"
