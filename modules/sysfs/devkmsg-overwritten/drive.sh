#!/bin/sh
. ./lib.sh
ins kmsgo.ko; dmesg -C; python3 over.py
