#!/bin/sh
. ./lib.sh
python3 refuse steps.py
