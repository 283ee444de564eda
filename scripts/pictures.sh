#!/usr/bin/env bash
# The pictures of docs/images: the real pages against a whole server, and small. Look at each before it is committed.
set -euo pipefail
cd "$(dirname "$0")/.."

npm run build --silent --prefix web --workspace sdk
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
node web/e2e/pictures.mjs "$folder"
if command -v pngquant >/dev/null; then
    pngquant --quality 70-95 --speed 1 --strip --force --ext .png "$folder"/*.png
else
    echo 'pngquant is not installed: the pictures are four times as large'
fi
mkdir -p docs/images
cp "$folder"/*.png docs/images/
echo "RESULT pictures=ok count=$(find "$folder" -name '*.png' | wc -l)"
