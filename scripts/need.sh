#!/bin/sh
# need.sh run|test|sweep: installs what the project needs and this machine lacks; says nothing when nothing is missing.
# Debian's packages only, by apt, as root or through sudo. Rust is not installed, but told how to get.
set -u
what=${1:-run}
PATH=$PATH:/usr/sbin:/sbin
missing=
# need PACKAGES COMMAND...: PACKAGES are missing when the command fails.
need() { _p=$1; shift; "$@" >/dev/null 2>&1 || missing="$missing $_p"; }
have() { command -v "$1"; }
# A release that starts with $1 with its image, its modules and its headers.
kernel() {
	for _m in /lib/modules/"$1"*; do
		[ -e "$_m/modules.dep" ] && [ -e "$_m/build/Makefile" ] && [ -e "/boot/vmlinuz-${_m##*/}" ] && return 0
	done
	return 1
}

need gcc have gcc
need libc6-dev test -e /usr/include/stdio.h
need make have make
need kmod have modprobe
case $what in
run) need "linux-image-amd64 linux-headers-amd64" kernel "" ;;
test|sweep)
	# The expectations are those of 6.1, Debian 12's kernel; 6.12 stands beside it in its security archive.
	need "linux-image-amd64 linux-headers-amd64" kernel 6.1.
	need "linux-image-6.12-amd64 linux-headers-6.12-amd64" kernel 6.12.
	need qemu-system-x86 have qemu-system-x86_64
	need busybox-static have busybox
	need cpio have cpio
	need mawk have mawk
	need python3 have python3
	need zstd have zstd
	need xz-utils have xz
	need binutils have objcopy
	# Only its archive is used: the self-tests of the kernel's own source.
	[ "$what" = test ] || need linux-source-6.1 test -e /usr/src/linux-source-6.1.tar.xz
	need openssl have openssl
	need procps have ps
	# What reads the manual pages and completions.
	need groff-base have groff
	need zsh have zsh
	need fish have fish
	need util-linux have setpriv ;;
*) echo "usage: need.sh run|test|sweep" >&2; exit 2 ;;
esac

if [ "$missing" ]; then
	as=
	if [ "$(id -u)" != 0 ]; then
		if sudo -n true 2>/dev/null || { [ -t 0 ] && command -v sudo >/dev/null; }; then as=sudo; else
			echo "lkm: this machine lacks:$missing" >&2
			echo "     Install them as root:  apt-get install$missing" >&2
			exit 1
		fi
	fi
	if ! command -v apt-get >/dev/null; then
		echo "lkm: this machine lacks (by Debian's names):$missing" >&2
		echo "     Only Debian's apt is known here: install them by your own distribution's tool." >&2
		exit 1
	fi
	echo "lkm: installing$missing" >&2
	log=$(mktemp)
	# Without fresh lists apt takes what was current when they were made, or asks for files that are gone. Where they
	# cannot be fetched, what is on the machine may still do.
	$as apt-get update -q >"$log" 2>&1
	if ! $as env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >>"$log" 2>&1; then
		tail -n 20 "$log" >&2
		echo "lkm: apt-get could not install$missing (all of it: $log)" >&2
		exit 1
	fi
	rm -f "$log"
fi

# The compiler that Cargo.toml asks for.
wanted=$(sed -n 's/^rust-version = "1\.\([0-9]*\).*/\1/p' "$(dirname "$0")/../Cargo.toml")
found=$(cargo --version 2>/dev/null | sed -n 's/^cargo 1\.\([0-9]*\)\..*/\1/p')
if [ "${found:-0}" -lt "$wanted" ]; then
	echo "lkm: Rust 1.$wanted or later is needed, and ${found:+only 1.}${found:-none} is here." >&2
	echo "     https://rustup.rs installs it (in your home folder; root is not needed)." >&2
	exit 1
fi
