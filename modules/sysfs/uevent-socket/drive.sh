#!/bin/sh
. ./lib.sh
python3 listen.py
