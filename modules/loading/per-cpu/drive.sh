#!/bin/sh
. ./lib.sh
dmesg -C
ins percpus.ko; ins other.ko; rem other percpus; klog '^pc:'
ins percpus.ko; rem percpus; hr values are fresh at each load; klog '^pc: all' | uniq -c | awk '{print $1}'
