#!/bin/sh
# Write dist/emotion-edge_<version>.cdx.json: what is in it, as CycloneDX: every package of the lock file, with hashes.
# packaging/sbom.sh CYCLONEDX-PY [its options]
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' edge/__init__.py)
mkdir -p dist
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT
sed "s/^dynamic = \[\"version\"\]$/version = \"$version\"/" pyproject.toml >"$project/pyproject.toml"
file=dist/emotion-edge_$version.cdx.json
tool=$1
shift
"$tool" requirements packaging/requirements.lock --pyproject "$project/pyproject.toml" --output-reproducible -o "$file" "$@" \
    2>/dev/null
echo "$file"
