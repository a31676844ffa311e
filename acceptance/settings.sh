# Settings that build.sh, run-real.sh and run-product.sh share; sourced, with $here set.
#   CASES: the folder of cases, absolute, or relative to the current directory or
#          to the repository (default acceptance/cases)
#   KVER:  the kernel's release or the start of it (6.12; default the newest 6.1)
# Sets CASES (absolute), AREA, KVER, KDIR, SUFFIX (what the default folders of
# builds and outputs end with, so that areas and kernels do not mix) and EXPECT
# (the file of a kernel's own expectation).
CASES=${CASES:-$here/cases}
[ -d "$CASES" ] || CASES=$here/../$CASES
[ -d "$CASES" ] || { echo "no folder of cases: $CASES" >&2; exit 2; }
CASES=$(cd "$CASES" && pwd)
AREA=${CASES##*/}
_want=${KVER:-6.1}
if [ ! -d "/lib/modules/$_want" ]; then
	KVER=$(ls /lib/modules | grep "^$(printf '%s' "$_want" | sed 's/[.+]/\\&/g')[.-]" | sort -V | tail -n 1)
fi
[ "$KVER" ] || { echo "no kernel $_want in /lib/modules: install linux-image-$_want*-amd64 and its headers" >&2; exit 2; }
KDIR=${KDIR:-/lib/modules/$KVER/build}
SUFFIX=; EXPECT=expect
[ "$AREA" = cases ] || SUFFIX=-$AREA
case $KVER in 6.1.*) ;; *)
	EXPECT=expect-$(printf '%s' "$KVER" | cut -d. -f1,2); SUFFIX=$SUFFIX${EXPECT#expect}
esac
# the names of all cases of the folder
all_cases() { for _d in "$CASES"/*/drive.sh; do _d=${_d%/drive.sh}; echo "${_d##*/}"; done; }
# expectation CASE: the file to compare with (a kernel's own one goes first)
expectation() { if [ -f "$CASES/$1/$EXPECT" ]; then echo "$CASES/$1/$EXPECT"; else echo "$CASES/$1/expect"; fi; }
export here CASES AREA KVER KDIR SUFFIX EXPECT
