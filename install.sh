#!/bin/sh
# Install, upgrade or remove emotion-edge on Raspberry Pi OS (64 bit), Debian or Ubuntu. Run it again at any time: it
# keeps the configuration, the password and the events that wait, and repeats only what is needed.
#
#   sudo ./install.sh                          install or upgrade
#   sudo ./install.sh --without-microphone     without PyAudio: nothing is compiled
#   sudo ./install.sh --place cabin            also emotion-edge@cabin, with a configuration of its own
#   sudo ./install.sh uninstall [--purge]      remove; --purge: configuration, password and waiting events too
#
# It stages its files below $DESTDIR with `./install.sh files` (no root needed), which `make deb` packs.
set -eu

PROGRAM=/opt/emotion-edge          # the unit names it
SHARE=/usr/share/emotion-edge      # what is needed to set the program up: also what the .deb holds
UNITS=${UNITS:-/etc/systemd/system}
DESTDIR=${DESTDIR:-}
HERE=$(cd "$(dirname "$0")" && pwd)

say() { echo "emotion-edge: $*"; }
fail() { echo "emotion-edge: $*" >&2; exit 1; }
usage() { sed -n '2,10s/^# \{0,1\}//p' "$0"; }

on_raspberry_pi() { grep -qs "Raspberry Pi" /proc/device-tree/model; }
on_jetson() { [ -e /etc/nv_tegra_release ]; }
running_systemd() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }
root_only() { [ "$(id -u)" = 0 ] || fail "this needs root: sudo $0 $*"; }

look_at_machine() {
    case "$(uname -m)" in
        aarch64 | x86_64) ;;
        *) fail "expected a 64 bit ARM or x86 system, found $(uname -m). A Raspberry Pi needs the 64 bit Raspberry Pi OS." ;;
    esac
    command -v apt-get >/dev/null || fail "expected Debian, Ubuntu or Raspberry Pi OS, found no apt-get. See README.md."
}

packages() {
    # Only what is missing, so that an upgrade without a network is possible.
    wanted="python3-venv ca-certificates"
    on_raspberry_pi && wanted="$wanted python3-picamera2"
    on_jetson && wanted="$wanted gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
    [ "$MICROPHONE" = yes ] && wanted="$wanted libportaudio2 libasound2-plugins gcc libc6-dev python3-dev portaudio19-dev"
    missing=""
    for package in $wanted; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    say "installing the system packages$missing"
    [ "$MICROPHONE" = no ] || say "(PyAudio, for the microphone, is the only part that is compiled: gcc is for it)"
    apt-get update -qq
    # shellcheck disable=SC2086 # words are meant to be split
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
        fail "apt-get could not install:$missing. See its message above; then run this again."
}

files() {
    say "files"
    share=$DESTDIR$SHARE
    install -d -m 755 "$share" "$DESTDIR$UNITS" "$DESTDIR/etc/emotion-edge"
    if [ "$HERE" != "$share" ]; then
        rm -rf "$share/source"
        install -d "$share/source"
        (cd "$HERE" && tar --exclude='__pycache__' -cf - edge convert models systemd docs pyproject.toml README.md LICENSE) |
            tar --no-same-owner -xf - -C "$share/source"
        chmod -R go=u-w "$share/source"
        install -m 755 "$HERE/install.sh" "$share/"
        install -m 644 "$HERE"/packaging/requirements*.lock "$share/"
    fi
    for name in emotion-edge.service emotion-edge@.service; do
        install -m 644 "$share/source/systemd/emotion-edge.service" "$DESTDIR$UNITS/$name"
    done
    settings emotion-edge
}

# settings NAME: what a person edits; never overwritten.
settings() {
    install -d -m 755 "$DESTDIR/etc/$1"
    [ -e "$DESTDIR/etc/$1/config.toml" ] ||
        install -m 644 "$DESTDIR$SHARE/source/systemd/config.toml" "$DESTDIR/etc/$1/config.toml"
    # Empty: no password. systemd hands it over as a credential, which only root can read here.
    [ -e "$DESTDIR/etc/$1/mqtt-password" ] || install -m 600 /dev/null "$DESTDIR/etc/$1/mqtt-password"
}

environment() {
    version=$(python3 -c 'import sys; print("%d.%02d" % sys.version_info[:2])')
    case "$version" in
        3.1[0-9]) ;;
        *) fail "expected Python 3.10 or newer, found $(python3 --version). Bookworm, Ubuntu 22.04 and newer have it." ;;
    esac
    options="" lock=$SHARE/requirements.lock
    if on_raspberry_pi; then
        options=--system-site-packages # picamera2 comes with the system
        # Its libraries on Bookworm are built for NumPy 1.
        python3 -c 'import sys, numpy; sys.exit(numpy.__version__ >= "2")' 2>/dev/null && lock=$SHARE/requirements-numpy1.lock
    fi
    offline=""
    if [ -d "$SHARE/wheels" ]; then # of the machine that built the .deb: its architecture, its Python
        offline="--no-index --find-links=$SHARE/wheels" lock=$SHARE/wheels/requirements.lock
    fi
    # An environment of another Python (a new release of the system) is made anew.
    if [ -x "$PROGRAM/bin/python" ] && ! "$PROGRAM/bin/python" -c "import sys; sys.exit('%d.%02d' % sys.version_info[:2] != '$version')"; then
        say "making the environment anew for Python $version"
        rm -rf "$PROGRAM"
    fi
    # shellcheck disable=SC2086
    [ -x "$PROGRAM/bin/pip" ] || python3 -m venv $options "$PROGRAM"
    say "Python packages into $PROGRAM, with hashes from ${lock##*/}"
    pip="$PROGRAM/bin/python -m pip --disable-pip-version-check install --quiet --no-input"
    bare=$(mktemp)
    # PyAudio alone is compiled, so it comes last and alone: without it all but the microphone works.
    awk '/^pyaudio==/ {skip = 1} /^[a-z]/ && !/^pyaudio==/ {skip = 0} !skip' "$lock" >"$bare"
    # shellcheck disable=SC2086
    $pip $offline --require-hashes -r "$bare" || fail "pip could not install the packages. See its message above."
    rm -f "$bare"
    # shellcheck disable=SC2086
    if [ -d "$SHARE/wheels" ]; then
        $pip $offline --no-deps --force-reinstall emotion-edge
    else
        $pip --no-deps --force-reinstall "$SHARE/source"
    fi
    if [ "$MICROPHONE" = yes ]; then
        one=$(mktemp)
        awk '/^pyaudio==/ {keep = 1} /^[a-z]/ && !/^pyaudio==/ {keep = 0} keep' "$lock" >"$one"
        # shellcheck disable=SC2086
        $pip $offline --require-hashes -r "$one" || {
            say "NO MICROPHONE: PyAudio has no wheels for Linux and could not be compiled. All else works. For it:"
            say "  apt-get install gcc libc6-dev python3-dev portaudio19-dev, then run this again"
        }
        rm -f "$one"
    fi
    ln -sf "$PROGRAM/bin/emotion-edge" /usr/local/bin/emotion-edge
}

groups() {
    # One that does not exist would prevent the start (systemd.exec(5)).
    found=""
    for group in video audio render apex; do
        if getent group "$group" >/dev/null; then found="$found $group"; fi
    done
    for unit in emotion-edge.service emotion-edge@.service; do
        install -d "$UNITS_LOCAL/$unit.d"
        printf '# Written by install.sh: the groups of cameras, microphones and accelerators that exist here.\n[Service]\nSupplementaryGroups=%s\n' \
            "${found# }" >"$UNITS_LOCAL/$unit.d/groups.conf"
        if on_jetson; then
            printf '# The GPU, the codecs and the camera of a Jetson.\n[Service]\nDeviceAllow=char-nvhost* rw\nDeviceAllow=char-nvmap rw\nDeviceAllow=char-nvidia* rw\n' \
                >"$UNITS_LOCAL/$unit.d/jetson.conf"
        fi
    done
}

start() {
    "$PROGRAM/bin/emotion-edge" check-config /etc/emotion-edge/config.toml ||
        say "the configuration has mistakes: correct them before the service can start"
    if ! running_systemd; then
        say "systemd does not run here: enabled for the next boot only where it can be"
        command -v systemctl >/dev/null && systemctl enable -q emotion-edge 2>/dev/null || true
        return 0
    fi
    systemctl daemon-reload
    if systemctl is-active -q emotion-edge; then
        say "restarting the service"
    fi
    systemctl try-restart emotion-edge.service 'emotion-edge@*.service' ||
        fail "it does not start with what is configured: journalctl -u emotion-edge -n 20, or emotion-edge doctor"
    systemctl enable -q emotion-edge
    systemctl is-active -q emotion-edge || cat <<EOT
emotion-edge: installed. Next:
  1. sudo nano /etc/emotion-edge/config.toml          camera, microphone, the address of the hub
  2. sudo nano /etc/emotion-edge/mqtt-password        if the hub wants a password
  3. sudo emotion-edge doctor                         says what is missing, and what to do
  4. sudo systemctl start emotion-edge                and at each boot from now on
EOT
}

uninstall() {
    if running_systemd; then
        systemctl disable -q --now emotion-edge 2>/dev/null || true
        systemctl stop 'emotion-edge@*.service' 2>/dev/null || true
    fi
    rm -f "$UNITS_LOCAL"/multi-user.target.wants/emotion-edge*.service
    rm -f "$UNITS/emotion-edge.service" "$UNITS/emotion-edge@.service"
    for unit in emotion-edge.service emotion-edge@.service; do # not what a person wrote with systemctl edit
        rm -f "$UNITS_LOCAL/$unit.d/groups.conf" "$UNITS_LOCAL/$unit.d/jetson.conf"
        rmdir "$UNITS_LOCAL/$unit.d" 2>/dev/null || true
    done
    rm -rf "$PROGRAM" "$SHARE"
    rm -f /usr/local/bin/emotion-edge
    [ "$PURGE" = no ] || rm -rf "$UNITS_LOCAL"/emotion-edge*.service.d
    if running_systemd; then systemctl daemon-reload; fi
    if [ "$PURGE" = yes ]; then
        rm -rf /etc/emotion-edge /etc/emotion-edge@* /var/lib/emotion-edge* /var/lib/private/emotion-edge*
        say "removed, with configuration, password and waiting events"
    else
        say "removed; /etc/emotion-edge, /var/lib/emotion-edge and what systemctl edit wrote are kept (uninstall --purge"
        say "removes them too)"
    fi
}

UNITS_LOCAL=/etc/systemd/system
MICROPHONE=yes PURGE=no PLACE="" TASK=install
while [ $# -gt 0 ]; do
    case "$1" in
        install | files | configure | uninstall) TASK=$1 ;;
        --without-microphone) MICROPHONE=no ;;
        --purge) PURGE=yes ;;
        --place) PLACE=${2:-}; shift; case "$PLACE" in "" | *[!A-Za-z0-9_.-]*) fail "--place: expected a name of letters, digits, . _ -" ;; esac ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; fail "unknown: $1" ;;
    esac
    shift
done

case "$TASK" in
    files) files ;;
    uninstall) root_only uninstall; uninstall ;;
    configure) root_only configure; environment; groups; start ;; # after the files are in place: the .deb's part
    install)
        root_only
        look_at_machine
        packages
        files
        [ -z "$PLACE" ] || settings "emotion-edge@$PLACE"
        environment
        groups
        start
        [ -z "$PLACE" ] || say "place $PLACE: edit /etc/emotion-edge@$PLACE/config.toml, then: systemctl enable --now emotion-edge@$PLACE"
        ;;
esac
