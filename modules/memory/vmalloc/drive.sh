#!/bin/sh
. ./lib.sh
ins vm_areas.ko; rem vm_areas
klog '^vm:'
