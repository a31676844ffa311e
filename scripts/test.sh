#!/usr/bin/env bash
# All checks and tests: `make test`. Works as root and as an ordinary user, alone or beside another one: everything it
# writes lies in the target folder or in a temporary folder of its own.
set -u
cd "$(dirname "$0")/.."
. scripts/steps.sh
sh scripts/need.sh test || exit 1
PATH=$PATH:/usr/sbin:/sbin
target=${CARGO_TARGET_DIR:-$PWD/target}
mkdir -p "$target/cases"
target=$(cd "$target" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/lkm-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# Debian's udev gives everybody access to /dev/fuse; a bare container or initramfs does not.
if [ "$(id -u)" = 0 ] && [ -c /dev/fuse ] && [ "$(stat -c %a /dev/fuse)" != 666 ]; then chmod 666 /dev/fuse; fi

rustdoc() { RUSTDOCFLAGS="-D warnings" cargo doc -q --workspace --no-deps --document-private-items; }
shell_syntax() { bash -n scripts/*.sh .ci/run && for f in scripts/need.sh acceptance/*.sh fuzz/run.sh; do sh -n "$f" || return 1; done; }
cases() { bash scripts/build-cases.sh "$target/cases" 6.1 && bash scripts/build-cases.sh "$target/cases" 6.12; }
rust_tests() { LKM_CASES=$target/cases/builds cargo test -q --workspace --no-fail-fast; }
compute() { python3 modules/compute/check.py; }

# The cases in lkm's kernel as this user and, when that is root, as an ordinary one, at the same time.
modules() {
	local status=0 other=
	mkdir "$work/own"
	ln -s "$target/cases/builds" "$work/own/builds"
	if [ "$(id -u)" = 0 ]; then
		mkdir -p "$work/other/home"
		# The clone may lie where others cannot read.
		cp -a acceptance modules scripts "$target/cases/builds" "$target/release/lkm" "$work/other/"
		chown -R 65534:65534 "$work/other"
		setpriv --reuid 65534 --regid 65534 --clear-groups env -u XDG_CACHE_HOME -u XDG_RUNTIME_DIR \
			HOME="$work/other/home" TMPDIR="$work/other" LKM="$work/other/lkm sh --" \
			bash "$work/other/scripts/module-tests.sh" "$work/other" >"$work/other.log" 2>&1 &
		other=$!
	fi
	LKM="$target/release/lkm sh --" ACCEPT_TIMEOUT=60 bash scripts/module-tests.sh "$work/own" >"$work/own.log" 2>&1 || status=1
	if [ "$other" ]; then wait $other || status=1; fi
	cat "$work"/own.log "$work"/other.log 2>/dev/null
	return $status
}

# Recorded expectations against the real kernel.
real() {
	local log=$work/real.log case name
	: >"$log"
	for case in acceptance/cases/01-first-steps modules/printk/levels modules/faults/null-read; do
		name=$(basename "$(dirname $case)")
		CASES=$(dirname $case) ACCEPT_BUILD=$target/cases/builds/6.1/$name ACCEPT_VM=$work/vm-$name \
			sh acceptance/run-real.sh -n "$(basename $case)" 2>&1 | tee -a "$log"
	done
	[ "$(grep -c '^same ' "$log")" = 3 ]
}

step "format" cargo fmt --all --check
step "shell syntax" shell_syntax
step "clippy" cargo clippy -q --workspace --all-targets -- -D warnings
step "rustdoc" rustdoc
step "fuzz targets" env CARGO_TARGET_DIR="$target/fuzz" cargo check -q --locked --manifest-path fuzz/Cargo.toml --bins
if command -v cargo-deny >/dev/null; then step "licences of dependencies" cargo deny --offline check bans licenses sources; fi
step "generated documents" cargo run -q -p xtask -- docs --check
step "release build" cargo build -q --release
step "building the cases' modules" cases
step "tests of the crates" rust_tests
step "results of the compute cases" compute
step "recorded cases on the real kernel in QEMU" real
step "recorded cases in lkm's kernel" modules

finish
status=$?
echo
grep -h 'known not to work yet$' "$work"/*.log
cat "$work"/*.log | awk '/ passed, .* failed, .* known not to work yet$/ { for (i = 1; i <= NF; i++) { if ($i ~ /^passed/) p += $(i-1); if ($i ~ /^failed/) f += $(i-1) } }
	END { printf "modules: %d passed, %d failed\n", p, f }'
exit $status
