#!/bin/sh
. ./lib.sh
look() { for m in heldbase helduser heldboth; do [ -d /sys/module/$m ] && echo "$m $(cat /sys/module/$m/refcnt): $(ls -l /sys/module/$m/holders | sed -n 's/^\(l[^ ]*\).* \(held.*\)/\1 \2;/p' | tr '\n' ' ')"; done; awk '/^held/{print $1,$3,$4,$5}' /proc/modules; lsmod | awk '/^held/{print $1,$3,$4}'; }
ins helduser.ko; ins heldbase.ko; look; ins helduser.ko; look; ins heldboth.ko; look
stat -c '%A %F %N' /sys/module/heldbase/holders/helduser; cat /sys/module/heldbase/holders/helduser/initstate; cd /sys/module/heldbase/holders/heldboth; pwd -P; cd - >/dev/null
rem heldbase; rem helduser; rem heldboth; look; rem helduser heldbase; look; has /sys/module/heldbase
klog '^(ho: |held[a-z]*: [^lm])'
