#!/bin/sh
# Fuzzes a target: run.sh TARGET [RUNS [SEED]]. Prints seed, corpus, executions and coverage; exits 1 on a finding.
# The stable compiler is enough: the coverage comes from LLVM's own pass. TARGET.seeds (with - for _) makes the seeds,
# once. Inputs that matter stay in fuzz/corpus/TARGET, findings in fuzz/artifacts/TARGET; neither is in the repository.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:?usage: run.sh TARGET [RUNS [SEED]]}
runs=${2:-100000}
seed=${3:-$(date +%s)}
corpus=$here/corpus/$target
found=$here/artifacts/$target
log=$here/artifacts/$target.log

if [ ! -d "$corpus" ]; then
    mkdir -p "$corpus"
    seeds=$here/$(echo "$target" | tr _ -).seeds
    if [ -x "$seeds" ]; then "$seeds" "$corpus"; fi
fi
mkdir -p "$found"
before=$(find "$corpus" -type f | wc -l)
size=$(find "$corpus" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }')

# Profiles of one target folder would disturb other builds, so the fuzzers have their own.
CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-$here/target}
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
export CARGO_TARGET_DIR RUSTFLAGS
host=$(rustc -vV | sed -n 's/^host: //p')
# With --target the flags stay away from build scripts.
cargo build -q --manifest-path "$here/Cargo.toml" --release --target "$host" --bin "$target"

status=0
"$CARGO_TARGET_DIR/$host/release/$target" -runs="$runs" -seed="$seed" -max_len="${FUZZ_MAX_LEN:-32768}" -timeout=10 \
    -rss_limit_mb=2048 -artifact_prefix="$found/" -print_final_stats=1 "$corpus" >"$log" 2>&1 || status=1

last=$(grep -a -E '^#[0-9]+.*cov: ' "$log" | tail -n 1)
value() { echo "$last" | sed -n "s/.*$1: \([0-9]*\).*/\1/p"; }
counters=$(sed -n 's/.*(\([0-9]*\) inline 8-bit counters).*/\1/p' "$log" | head -n 1)
echo "target:     $target"
echo "seed:       $seed"
echo "corpus:     $before files, $size bytes before; $(find "$corpus" -type f | wc -l) files after"
echo "executions: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
echo "coverage:   $(value cov) of ${counters:-?} counters, $(value ft) features"
if [ $status -ne 0 ]; then
    echo "finding:    see $log and $found:"
    tail -n 20 "$log"
    exit 1
fi
echo "finding:    none"
