#!/bin/sh
. ./lib.sh
ins lkwkw.ko; rem lkwkw
klog '^(ww:|workqueue|WARNING|Workqueue)' | sed -E 's/ +6\.[0-9]+\..*//'
