#!/bin/sh
# Nothing is started or enabled by itself: neither service works before a link or a key is written down.
set -e
if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null || true
    if [ -n "$2" ]; then
        deb-systemd-invoke try-restart pasarela-bridge.service pasarela-serve.service >/dev/null || true
    fi
fi
