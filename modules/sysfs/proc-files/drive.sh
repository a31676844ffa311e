#!/bin/sh
. ./lib.sh
ins procced.ko; python3 proc.py
hr devices; sed -n '1,2p' /proc/devices; grep -c '^Block devices:$' /proc/devices; grep -n '^$' /proc/devices | wc -l
hr version; sed 's/#.*//' /proc/version | grep -c "^Linux version $(uname -r) (debian-kernel@lists.debian.org) (gcc"; wc -l </proc/version
[ "$(cat /proc/sys/kernel/osrelease)" = "$(uname -r)" ] && echo release; [ "$(cat /proc/sys/kernel/version)" = "$(uname -v)" ] && echo version; cat /proc/sys/kernel/ostype
hr cmdline; wc -l </proc/cmdline
hr modes; stat -c "%A %s %F %n" /proc/modules /proc/kallsyms /proc/devices /proc/version /proc/kmsg /proc/misc; mode /proc/cmdline
for f in modules kallsyms devices version cmdline misc; do echo "$f: $(put x /proc/$f)"; done
