#!/usr/bin/env bash
# Builds the kernel's own self-test modules, unmodified, from Debian's linux-source-6.1 against the installed headers:
#     build-selftests.sh FOLDER [--record | --check | --run] [NAME ...]
# FOLDER gets kbuild/ (sources and modules), cases/NAME and builds/NAME as acceptance/ wants them. --record runs the tests
# on the real kernel in QEMU and writes modules/selftests/expect/NAME; --check compares with it; --run runs them in lkm's
# kernel (LKM: the command prefix); modules/selftests/expected-fail.txt lists what does not pass there yet. Which modules: modules/selftests/list.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
mode=
case ${1:-} in --record|--check|--run) mode=$1; shift ;; esac
area=$here/modules/selftests list=$here/modules/selftests/list
archive=/usr/src/linux-source-6.1.tar.xz top=linux-source-6.1
release=$(ls /lib/modules | grep '^6\.1\.' | sort -V | tail -n 1)
build=$folder/kbuild
rows() { sed -e 's/#.*//' -e '/^ *$/d' "$list"; }

sources() {
	[ -e "$archive" ] || { echo "no $archive: apt-get install linux-source-6.1" >&2; exit 1; }
	rm -rf "$build.new"
	mkdir -p "$build.new"
	{
		rows | awk -v top=$top '{ print top "/" $2 }'
		for part in test resource string-stream assert try-catch; do echo "$top/lib/kunit/$part.c"; done
		printf '%s\n' $top/lib/kunit/{debugfs,string-stream,try-catch-impl}.h $top/tools/testing/selftests/kselftest_module.h
	} | tar -C "$build.new" --strip-components 1 -xf "$archive" -T -
	cp "$area"/*.h "$build.new/"
	# crc32test.c includes what lib/Makefile makes of a program; it uses nothing of that but the bits at a time.
	printf '#define CRC_LE_BITS 64\n#define CRC_BE_BITS 64\n' >"$build.new/lib/crc32defs.h"
	rm -rf "$build"
	mv "$build.new" "$build"
}

kbuild() {
	echo 'ccflags-y := -I$(src)/lib'
	echo 'obj-m += kunit.o'
	echo 'kunit-y := lib/kunit/test.o lib/kunit/resource.o lib/kunit/string-stream.o lib/kunit/assert.o lib/kunit/try-catch.o'
	for part in test resource string-stream assert try-catch; do
		echo "CFLAGS_lib/kunit/$part.o += -DKUNIT_CORE -include \$(src)/kunit-without-config.h"
	done
	rows | while read -r _ source words; do
		echo "obj-m += ${source%.c}.o"
		case " $words " in
		*" kunit "*) echo "CFLAGS_${source%.c}.o += -include \$(src)/kunit-without-config.h" ;;
		*" include="*) words=${words#*include=}; echo "CFLAGS_${source%.c}.o += -include \$(src)/${words%% *}" ;;
		esac
	done
}

# drive NAME WORDS: the case's script.
drive() {
	local name=$1 needs= kunit= params= filter=cat word
	shift
	for word; do
		case $word in
		kunit) kunit=y ;;
		needs=*) needs=${word#needs=} ;;
		numbers) filter="sed -e 's/[0-9][0-9.]*/N/g' -e 's/  */ /g'" ;;
		silent|include=*) ;;
		addresses) filter="sed 's/0x[0-9a-f]*/ADDRESS/g'" ;;
		warnings) filter="awk '/^(CPU|Hardware name): /{ skip = 1 } /end trace/{ skip = 0 } !skip'" ;;
		*) params="$params $word" ;;
		esac
	done
	cat <<-END
		#!/bin/sh
		. ./lib.sh
		${needs:+insmod ./$needs.ko}
		${kunit:+insmod ./kunit.ko enable=1}
		dmesg -C
		ins ./$name.ko$params
		lsmod | grep -q '^$(echo "$name" | tr - _) ' && rmmod $name
		dmesg | sed 's/^\[[^]]*\] //' | $filter
	END
}

cases() {
	rows | while read -r name source words; do
		case $words in helper) continue ;; esac
		local case=$folder/cases/$name made=$folder/builds/$name word
		mkdir -p "$case" "$made"
		drive "$name" $words >"$case/drive.sh"
		# Some say more than the log holds.
		echo log_buf_len=4M >"$made/append"
		if [ -e "$area/expect/$name" ]; then cp "$area/expect/$name" "$case/expect"; fi
		cp "$case/drive.sh" "$here/acceptance/lib.sh" "$build/${source%.c}.ko" "$made/"
		chmod +x "$made/drive.sh"
		for word in $words; do
			case $word in
			kunit) cp "$build/kunit.ko" "$made/" ;;
			needs=*) cp "$build/lib/${word#needs=}.ko" "$made/" ;;
			esac
		done
		: >"$made/.built"
	done
}

# Runs the tests in lkm's kernel. What expected-fail.txt lists must fail: if it passes, the list is wrong.
run() {
	local log=$folder/run.log wrong=0 passed=0 known=0 verdict case rest
	# Some tests say nothing, which a command that does not run would do as well.
	if ! ${LKM:-lkm sh --} true; then echo "self-tests: ${LKM:-lkm sh --} does not run"; return 1; fi
	sh "$here/acceptance/run-product.sh" "$@" >"$log" 2>&1 || true
	while read -r verdict case rest; do
		local reason
		reason=$(sed -n "s|^$case  *||p" "$area/expected-fail.txt")
		case $verdict:${reason:+listed} in
		PASS:) passed=$((passed + 1)) ;;
		FAIL:listed) known=$((known + 1)); echo "known  $case: $reason" ;;
		PASS:listed) wrong=$((wrong + 1)); echo "WRONG  $case: passes; take it out of modules/selftests/expected-fail.txt" ;;
		FAIL:) wrong=$((wrong + 1)); echo "FAILED $case $rest" ;;
		esac
	done < <(grep -E '^(PASS|FAIL) ' "$log")
	echo "self-tests: $passed passed, $wrong failed, $known known not to work yet"
	[ $wrong = 0 ] && [ $((passed + known)) -gt 0 ]
}

if [ ! -e "$build/.built" ] || [ "$list" -nt "$build/.built" ] || [ "$0" -nt "$build/.built" ] || [ -n "$(find "$area" -name '*.h' -newer "$build/.built")" ]; then
	sources
	kbuild >"$build/Kbuild"
	if ! make -C "/lib/modules/$release/build" M="$build" KBUILD_MODPOST_WARN=1 -j"$(nproc)" modules >"$folder/build.log" 2>&1; then
		grep -E 'error|Error' "$folder/build.log" | head -n 20 >&2
		exit 1
	fi
	: >"$build/.built"
fi
rm -rf "$folder/cases" "$folder/builds"
cases
export CASES=$folder/cases ACCEPT_BUILD=$folder/builds ACCEPT_VM=$folder/vm ACCEPT_OUT=$folder/out KVER=$release
case $mode in
--record)
	sh "$here/acceptance/run-real.sh" "$@"
	mkdir -p "$area/expect"
	for case in "$folder"/cases/*/expect; do cp "$case" "$area/expect/$(basename "$(dirname "$case")")"; done ;;
--check) sh "$here/acceptance/run-real.sh" -n "$@" ;;
--run) run "$@" ;;
esac
