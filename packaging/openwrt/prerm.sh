#!/bin/sh
# Nothing to stop where an image is being built.
[ -n "$IPKG_INSTROOT" ] && exit 0
[ -x /etc/init.d/pasarela ] || exit 0
/etc/init.d/pasarela stop
/etc/init.d/pasarela disable
exit 0
