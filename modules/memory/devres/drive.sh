#!/bin/sh
. ./lib.sh
ins dn_nodes.ko; rem dn_nodes
klog "^dn:"
