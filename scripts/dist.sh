#!/usr/bin/env bash
# Builds what is released into dist/: a binary for each platform, its bill of materials (CycloneDX) and checksums. The same
# source, version and Go give the same bytes on every machine; DIST_VERIFY=1 builds the first one again, from a copy of
# the source in another folder, and compares.
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION="${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo unknown)}"
PLATFORMS="${DIST_PLATFORMS:-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64}"
CYCLONEDX_VERSION=v1.10.0
DIST="$PWD/dist"
SBOM_TOOL="$PWD/.cache/cyclonedx-gomod-$CYCLONEDX_VERSION/cyclonedx-gomod"

# No path, no time, no state of the checkout gets in.
build() {
    local platform=$1 out=$2
    CGO_ENABLED=0 GOFLAGS='' GOOS=${platform%/*} GOARCH=${platform#*/} \
        go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.version=$VERSION" -o "$out" ./cmd/handoff
}

bill_of_materials() {
    if [ ! -x "$SBOM_TOOL" ]; then
        GOBIN="$(dirname "$SBOM_TOOL")" GOFLAGS='' go install "github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$CYCLONEDX_VERSION"
    fi
    "$SBOM_TOOL" bin -json -output "$2" "$1" 2>/dev/null
}

verify() {
    local platform=$1 binary=$2 copy
    copy=$(mktemp -d)
    # The pages are built, not committed: a copy of the work tree, not of a commit.
    tar --exclude=./.git --exclude=./.cache --exclude=./dist --exclude=node_modules -cf - . | tar -xf - -C "$copy"
    (cd "$copy" && build "$platform" "$copy/again")
    if cmp -s "$binary" "$copy/again"; then
        reproducible=yes
    else
        reproducible=no
    fi
    rm -rf "$copy"
}

rm -rf "$DIST"
mkdir -p "$DIST"
files=0
reproducible=unchecked
for platform in $PLATFORMS; do
    name="handoff-$VERSION-${platform%/*}-${platform#*/}"
    echo "building $name ..."
    build "$platform" "$DIST/$name"
    bill_of_materials "$DIST/$name" "$DIST/$name.cdx.json"
    if [ "${DIST_VERIFY:-}" = 1 ] && [ "$reproducible" = unchecked ]; then
        verify "$platform" "$DIST/$name"
    fi
    files=$((files + 1))
done
(cd "$DIST" && sha256sum -- * >SHA256SUMS)
verdict=ok
[ "$reproducible" != no ] || verdict=failed
echo "RESULT dist=$verdict version=$VERSION binaries=$files reproducible=$reproducible"
[ "$verdict" = ok ]
