#!/bin/sh
# Write dist/emotion-edge_<version>.cdx.json: what is in it, as CycloneDX: every package of the lock file, with hashes;
# and ..._<version>-numpy1.cdx.json of the other lock file. Prints their names.
# packaging/sbom.sh CYCLONEDX-PY [its options]
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' edge/__init__.py)
mkdir -p dist
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT
sed "s/^dynamic = \[\"version\"\]$/version = \"$version\"/" pyproject.toml >"$project/pyproject.toml"
tool=$1
shift
for lock in packaging/requirements*.lock; do
    kind=${lock##*/requirements} # "", or "-numpy1"
    file=dist/emotion-edge_$version${kind%.lock}.cdx.json
    "$tool" requirements "$lock" --pyproject "$project/pyproject.toml" --output-reproducible -o "$file" "$@" 2>/dev/null
    echo "$file"
done
