#!/bin/sh
# The page's plots: uPlot by the lock file, with its licence, into edge/web/page/vendor. Needs npm and a network.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/package.json" "$here/package-lock.json" "$work"
npm ci --ignore-scripts --no-audit --no-fund --prefix "$work"
cd "$work/node_modules/uplot"
install -m 644 -D -t "$here/../../edge/web/page/vendor" dist/uPlot.iife.min.js dist/uPlot.min.css LICENSE
