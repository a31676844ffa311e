#!/bin/sh
. ./lib.sh
for n in flush_tlb_all no_such_function kallsyms_lookup_name register_kprobe jiffies; do ins lkkpl.ko name=$n; rem lkkpl; done
klog '^kl:' | sed -E 's/\+0x0\//+ZERO\//g; s/\+0x4\//+FOUR\//g'
