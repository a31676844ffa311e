#!/usr/bin/env bash
# Builds all recorded cases for a kernel: build-cases.sh FOLDER [KVER]. They go to FOLDER/builds/KVER/AREA.
# Those of acceptance/ are for 6.1 alone.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
export KVER=${2:-6.1}
for area in "$here"/acceptance/cases "$here"/modules/*/; do
	area=${area%/}
	case $KVER:$area in 6.1:*|*/modules/*) ;; *) continue ;; esac
	compgen -G "$area/*/drive.sh" >/dev/null || continue
	CASES=$area ACCEPT_BUILD=$1/builds/$KVER/${area##*/} sh "$here/acceptance/build.sh"
done
