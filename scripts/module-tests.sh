#!/usr/bin/env bash
# Runs recorded cases in lkm's kernel: module-tests.sh FOLDER [AREA ...]
# FOLDER holds builds/ (from scripts/build-cases.sh); outputs go to FOLDER/out-UID. LKM is the command prefix.
# A case listed in modules/expected-fail.txt must fail: if it passes, the list is wrong and that is a failure.
# Cases with a file `slow` are run with SLOW=1 only.
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
folder=$(cd "$1" && pwd)
shift
cd "$here" || exit 2
if [ $# = 0 ]; then
	for area in acceptance/cases modules/*/; do
		case ${KVER:-6.1}:$area in 6.1:*|*:modules/*) ;; *) continue ;; esac
		if compgen -G "$here/${area%/}/*/drive.sh" >/dev/null; then set -- "$@" "${area%/}"; fi
	done
fi
list=$here/modules/expected-fail.txt
passed=0 wrong=0 expected=0
who="uid $(id -u), kernel ${KVER:-6.1}"

# told CASE REST: counts a line of run-product.sh.
told() {
	local verdict=$1 case=$2 reason
	reason=$(sed -n "s|^$case  *||p" "$list")
	# Some cases need more than one user id, which an ordinary user's namespace does not have.
	if [ "$(id -u)" != 0 ] && [ -z "$reason" ]; then reason=$(sed -n "s|^$case:user  *||p" "$list"); fi
	case $verdict:${reason:+listed} in
	PASS:) passed=$((passed + 1)) ;;
	PASS:listed)
		case $reason in
		sometimes:*) passed=$((passed + 1)) ;;
		*) wrong=$((wrong + 1)); echo "WRONG  $case: passes; take it out of modules/expected-fail.txt" ;;
		esac ;;
	FAIL:listed) expected=$((expected + 1)); echo "known  $case: $reason" ;;
	*)
		wrong=$((wrong + 1)); echo "FAILED $case: ${3%%: diff*}"
		# The outputs go away with the folder.
		set -- $(echo "$3" | sed -n 's/.*: diff \(.*\))$/\1/p')
		if [ $# = 2 ]; then diff "$1" "$2" | head -n 20 | sed 's/^/    /'; fi ;;
	esac
}

# The names of an area's cases.
cases_of() {
	local case
	for case in "$here/$1"/*/drive.sh; do
		case=${case%/drive.sh}
		if [ "${SLOW:-}" ] || [ ! -e "$case/slow" ]; then echo "${case##*/}"; fi
	done
}

for area; do
	name=${area##*/} out=$folder/out-$(id -u)-${KVER:-6.1}/${area##*/}
	mkdir -p "$out"
	log=$out.log
	CASES=$here/$area ACCEPT_BUILD=$folder/builds/${KVER:-6.1}/$name ACCEPT_OUT=$out \
		sh "$here/acceptance/run-product.sh" $(cases_of "$area") >"$log" 2>&1
	if ! grep -q '^[0-9]* passed, [0-9]* failed$' "$log"; then
		wrong=$((wrong + 1)); echo "FAILED $name: the runner ended early:"; tail -n 5 "$log"
	fi
	while read -r verdict case rest; do
		case $verdict in PASS|FAIL|SKIP) told "$verdict" "$name/$case" "$rest" ;; esac
	done <"$log"
done
echo "$who: $passed passed, $wrong failed, $expected known not to work yet"
[ $wrong = 0 ]
