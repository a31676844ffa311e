#!/bin/sh
. ./lib.sh
ins lkwai.ko; rem lkwai
klog '^wa:'
