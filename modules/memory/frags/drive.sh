#!/bin/sh
. ./lib.sh
ins fr_frags.ko; rem fr_frags
klog "^fr:"
