#!/bin/sh
. ./lib.sh
ins lkwkf.ko
klog '^(wf:|BUG|#PF|Oops|WARNING|CPU:|Workqueue|RIP: 0010|CR2|Call Trace| <TASK>| </TASK>|Modules linked|---\[|note:| [a-z_]*\+0x[^ ]* \[)' |
	sed -E '/CR3:/d; s/(address|CR2): 0*([0-9a-f])/\1: 0x\2/; s/ +6\.[0-9]+\..*//; s/kworker\/[^ []*/kworker/; s/(note: [^[]*)\[[0-9]+\]/\1[N]/'
