#!/bin/sh
# An update of an rpm runs this with 1, the last removal with 0; Arch runs it at a removal alone, with the version.
if [ "$1" != 1 ] && [ -d /run/systemd/system ]; then
    systemctl --system disable --now pasarela-bridge.service pasarela-serve.service >/dev/null 2>&1 || :
fi
