#!/bin/sh
set -e
if [ "$1" = purge ]; then
    for unit in pasarela-bridge.service pasarela-serve.service; do
        rm -f "/etc/systemd/system/multi-user.target.wants/$unit"
    done
fi
if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null || true
fi
