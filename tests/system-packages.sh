#!/bin/sh
# Install the Debian packages that are named, where that is allowed; else say what is missing and go on: what needs one
# of them says so itself (a test is skipped, the microphone is left out).
set -eu
missing=""
for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
    echo "system packages: no apt-get here. Some things are left out without the equivalent of:$missing" >&2
    exit 0
fi
if [ "$(id -u)" = 0 ]; then
    run=""
elif sudo -n true 2>/dev/null; then
    run="sudo -n"
else
    echo "system packages: installing needs root. Some things are left out until: sudo apt-get install$missing" >&2
    exit 0
fi
echo "system packages: installing$missing"
# shellcheck disable=SC2086 # words are meant to be split
if ! { $run apt-get update -qq && $run env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing >/dev/null; }; then
    echo "system packages: apt-get failed (see above). Some things are left out until: sudo apt-get install$missing" >&2
fi
