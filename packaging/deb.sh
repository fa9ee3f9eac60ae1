#!/bin/sh
# Build emotion-edge_<version>_<architecture>.deb in dist/: the same files as install.sh, which its postinst calls.
# WHEELS=1 puts every Python package in, for this machine's architecture and Python: it installs without a network.
# LOCK=requirements-numpy1.lock: those for a Raspberry Pi whose picamera2 is built for NumPy 1 (Bookworm).
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' edge/__init__.py)
root=build/deb
rm -rf "$root"
mkdir -p "$root/DEBIAN" dist
umask 022

UNITS=/lib/systemd/system DESTDIR="$PWD/$root" ./install.sh files
architecture=all
if [ "${WHEELS:-}" = 1 ]; then
    architecture=$(dpkg --print-architecture)
    wheels=$root/usr/share/emotion-edge/wheels
    wheel="${PYTHON:-python3} -m pip --disable-pip-version-check wheel --quiet -w $wheels"
    # shellcheck disable=SC2086 # words are meant to be split
    $wheel --require-hashes -r "packaging/${LOCK:-requirements.lock}"
    packaging/lock-wheels.sh "$wheels" >"$wheels/requirements.lock"
    # shellcheck disable=SC2086
    $wheel --no-deps .
fi
# Debian's policy: what stands in /etc is a configuration file, kept over upgrades and asked about when both changed.
# The password is made by postinst: it must not be in a package.
rm -f "$root/etc/emotion-edge/mqtt-password"
echo /etc/emotion-edge/config.toml >"$root/DEBIAN/conffiles"

cat >"$root/DEBIAN/control" <<EOT
Package: emotion-edge
Version: $version
Architecture: $architecture
Maintainer: emotion-edge developers <emotion-edge@localhost>
Section: misc
Priority: optional
Depends: python3 (>= 3.10), python3-venv, ca-certificates
Recommends: libportaudio2, libasound2-plugins, gcc, libc6-dev, python3-dev, portaudio19-dev
Suggests: mosquitto, python3-picamera2
Installed-Size: $(du -sk "$root" | cut -f1)
Description: apparent emotion from camera and microphone, published over MQTT
 A headless service: faces and speech on the device, fused events to a hub; nothing seen or heard leaves the device.
 Its Python packages go into /opt/emotion-edge, from the network unless they are in this package. PyAudio alone, for
 the microphone, is compiled (see Recommends); without a compiler all else works.
EOT
cat >"$root/DEBIAN/postinst" <<'EOT'
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    [ -e /etc/emotion-edge/mqtt-password ] || install -m 600 /dev/null /etc/emotion-edge/mqtt-password
    UNITS=/lib/systemd/system /usr/share/emotion-edge/install.sh configure
fi
EOT
cat >"$root/DEBIAN/prerm" <<'EOT'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    systemctl disable -q --now emotion-edge || true
    systemctl stop 'emotion-edge@*.service' || true
fi
EOT
cat >"$root/DEBIAN/postrm" <<'EOT'
#!/bin/sh
set -e
if [ "$1" = remove ] || [ "$1" = purge ]; then
    for unit in emotion-edge.service emotion-edge@.service; do # not what a person wrote with systemctl edit
        rm -f "/etc/systemd/system/$unit.d/groups.conf" "/etc/systemd/system/$unit.d/jetson.conf"
        rmdir "/etc/systemd/system/$unit.d" 2>/dev/null || true
    done
    rm -rf /opt/emotion-edge
    rm -f /usr/local/bin/emotion-edge /etc/systemd/system/multi-user.target.wants/emotion-edge*.service
    [ ! -d /run/systemd/system ] || systemctl daemon-reload
fi
if [ "$1" = purge ]; then
    rm -rf /etc/systemd/system/emotion-edge*.service.d
    rm -rf /etc/emotion-edge /etc/emotion-edge@* /var/lib/emotion-edge* /var/lib/private/emotion-edge*
fi
EOT
chmod 755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm" "$root/DEBIAN/postrm"
file=dist/emotion-edge_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$root" "$file" >/dev/null
cyclonedx=${CYCLONEDX:-.venv/bin/cyclonedx-py}
if command -v "$cyclonedx" >/dev/null; then
    packaging/sbom.sh "$cyclonedx"
else
    echo "no bill of materials beside it: no $cyclonedx here (make sbom)" >&2
fi
echo "$file"
