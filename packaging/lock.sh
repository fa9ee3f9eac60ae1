#!/bin/sh
# Write the lock files: every Python package of the device for Python 3.10 to 3.13 and both architectures, with hashes.
set -eu
cd "$(dirname "$0")/.."
uv=$1
lock() {
    "$uv" pip compile pyproject.toml --extra microphone --universal --python-version 3.10 --generate-hashes \
        --no-annotate --quiet --upgrade --custom-compile-command "make lock" "$@"
}
lock -c packaging/constraints.txt -o packaging/requirements.lock
lock -c packaging/constraints.txt -c packaging/numpy1.txt -o packaging/requirements-numpy1.lock
