#!/bin/sh
# Runs as root in a freshly installed Debian: install, run, upgrade, remove, as a person would. Each step is one line of
# /results/steps: its name, and yes or no.
exec >/results/log 2>&1
steps=/results/steps
: >"$steps"
check() { name=$1; shift; if "$@"; then echo "$name: yes" >>"$steps"; else echo "$name: no" >>"$steps"; fi; }
wait_active() { for _ in $(seq 60); do systemctl is-active -q "$1" && return 0; sleep 1; done; return 1; }
told() { for _ in $(seq 60); do systemctl show -p StatusText emotion-edge | grep -q "events [1-9]" && return 0; sleep 1; done; return 1; }
# Of the file, which the service keeps locked while it runs.
waiting() { python3 -c "
import sqlite3
print(sqlite3.connect('/var/lib/emotion-edge/outbox.sqlite').execute('select count(*) from event').fetchone()[0])"; }
gone() { ! find / -xdev \( -path /proc -o -path /sys -o -path /source -o -path /root/checkout -o -path /results -o -path /tmp -o -path /var/log \) -prune -o -name '*emotion-edge*' -print | grep -v "^/run\|/dpkg/\|/deb$" | grep .; }
pid() { systemctl show --value -p MainPID "$1"; }

cp -r /source /root/checkout && cd /root/checkout
check "installs without a compiler" ./install.sh --without-microphone || exit
[ -x /opt/emotion-edge/bin/emotion-edge ] || exit
check "no compiler was installed" sh -c '! command -v gcc'
check "the command answers" emotion-edge --version
cat >/etc/emotion-edge/config.toml <<EOT
# mine
[camera]
source = "images:/pictures"
[replay]
repeat = true
[mqtt]
url = "mqtt://127.0.0.1:9"
username = "me"
[fusion]
uncertain_below = 0.1
EOT
check "starts" systemctl start emotion-edge
check "is enabled" systemctl is-enabled -q emotion-edge
check "tells of a face" told
systemctl stop emotion-edge
events=$(waiting)
check "events wait for the hub" test "$events" -gt 0
check "starts again" systemctl start emotion-edge
cp /etc/emotion-edge/config.toml /tmp/before
printf secret >/etc/emotion-edge/mqtt-password
before=$(pid emotion-edge)
check "upgrades, with the microphone and another place" ./install.sh --place cabin
check "a microphone can be used" /opt/emotion-edge/bin/python -c "import pyaudio, soxr"
check "keeps the configuration" cmp /tmp/before /etc/emotion-edge/config.toml
check "keeps the password" test "$(cat /etc/emotion-edge/mqtt-password)" = secret
check "only root may read the password" test "$(stat -c %a /etc/emotion-edge/mqtt-password)" = 600
check "runs again" wait_active emotion-edge
after=$(pid emotion-edge)
systemctl stop emotion-edge
check "keeps the events" test "$(waiting)" -ge "$events"
check "as another process" test "$before" != "$after"
cp /tmp/before /etc/emotion-edge@cabin/config.toml
check "the other place starts" systemctl start emotion-edge@cabin
check "has groups that exist" sh -c 'systemctl show -p SupplementaryGroups emotion-edge | grep -q "video audio"'
check "a second run changes nothing" ./install.sh --place cabin
mine=/etc/systemd/system/emotion-edge.service.d/override.conf
printf '[Service]\nNice=5\n' >"$mine"
check "uninstalls" ./install.sh uninstall
check "what systemctl edit wrote is kept" test -e "$mine"
check "does not run any more" sh -c '! systemctl is-active -q emotion-edge'
check "the configuration is kept" test -e /etc/emotion-edge/config.toml
check "the events are kept" test -e /var/lib/emotion-edge/outbox.sqlite
check "purges" ./install.sh uninstall --purge
check "nothing is left" gone
check "the .deb installs" dpkg -i /deb/emotion-edge.deb
cp /tmp/before /etc/emotion-edge/config.toml
check "the .deb's service starts" systemctl start emotion-edge
check "the .deb upgrades and keeps the configuration" sh -c 'dpkg --force-confold -i /deb/emotion-edge.deb && cmp /tmp/before /etc/emotion-edge/config.toml'
check "the .deb's service runs again" wait_active emotion-edge
check "the .deb is removed" dpkg --purge emotion-edge
check "nothing of the .deb is left" gone
