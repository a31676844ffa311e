#!/usr/bin/env bash
# What takes long: `make sweep`. Every module of the installed kernels, hostile files, endurance, fuzzing (FUZZ_RUNS a
# target, 1,000,000 by default), the recorded cases for 6.12, advisories on dependencies.
set -u
cd "$(dirname "$0")/.."
. scripts/steps.sh
sh scripts/need.sh sweep || exit 1
PATH=$PATH:/usr/sbin:/sbin
target=${CARGO_TARGET_DIR:-$PWD/target}
mkdir -p "$target/cases"
target=$(cd "$target" && pwd)

fuzz() {
	local status=0
	for name in $(sed -n 's/^name = "\([a-z_]*\)"$/\1/p' fuzz/Cargo.toml | grep -v '^fuzz$'); do
		sh fuzz/run.sh "$name" "${FUZZ_RUNS:-1000000}" || status=1
	done
	return $status
}
cases_of_6_12() {
	bash scripts/build-cases.sh "$target/cases" 6.12 &&
		SLOW=1 KVER=6.12 LKM="$target/release/lkm sh --" bash scripts/module-tests.sh "$target/cases"
}

# The kernel's own self-tests: those of modules/selftests/expected-fail.txt fail, all others pass.
selftests() { LKM="$target/release/lkm sh --" bash scripts/build-selftests.sh "$target/selftests" --run; }

step "release build" cargo build -q --release
step "every module of the installed kernels" cargo run -q --release -p xtask -- sweep
step "what is said of every module before it is loaded" cargo run -q --release -p xtask -- check
step "the init function of every module of 6.1" cargo run -q --release -p xtask -- inits 6.1
step "the same in exact mode" cargo run -q --release -p xtask -- exact 6.1
step "the same of 6.12" cargo run -q --release -p xtask -- exact 6.12
step "the same of those that succeed as on the real kernel" cargo run -q --release -p xtask -- real 6.1
step "the kernel's own self-tests in lkm's kernel" selftests
step "nothing is found in more than 200 clean runs" env LKM_SELFTESTS="$target/selftests" \
	cargo test -q --release -p tools --test clean -- --ignored
step "hostile module files" cargo test -q --release -p kernel --test hostile -- --ignored
step "the same files checked without loading" cargo test -q --release -p check --test hostile -- --ignored
step "depmod killed 200 times" cargo test -q --release -p tools --test depmod -- --ignored
step "many modules for 60 s, 100 kills of each process" env LKM_ENDURE_SECONDS=60 LKM_ENDURE_KILLS=100 \
	cargo test -q --release -p tools --test endurance
step "recorded cases of 6.12 in lkm's kernel" cases_of_6_12
step "fuzzing" fuzz
step "licences of and advisories on dependencies" make deny
finish
