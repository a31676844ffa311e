#!/bin/sh
. ./lib.sh
python3 signals.py
