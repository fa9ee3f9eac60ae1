#!/bin/sh
# The device's packages: their licences, and whether anything is known against their versions.
# packaging/audit.sh FOLDER-OF-PROGRAMS
set -eu
cd "$(dirname "$0")/.."
names=$(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/\1/p' packaging/requirements*.lock | sort -u)
# Those that let a program of any licence use them, and take over at most themselves (LGPL, MPL).
# shellcheck disable=SC2086 # words are meant to be split
"$1/pip-licenses" --from=mixed --order=license --packages $names --partial-match \
    --allow-only="MIT;Apache;BSD;PSF;MPL;LGPL"
said=$(mktemp)
trap 'rm -f "$said"' EXIT
for lock in packaging/requirements*.lock; do
    echo "${lock##*/}"
    "$1/pip-audit" -r "$lock" --require-hashes --disable-pip --progress-spinner=off --format=json 2>"$said" |
        "$1/python" packaging/audit.py "$said"
done
