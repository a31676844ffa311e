#!/bin/sh
. ./lib.sh
ins pg_pages.ko; rem pg_pages
klog '^pg:'
