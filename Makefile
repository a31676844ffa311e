# For people: `make run`, `make test`. What each goal does is in CONTRIBUTING.md; the work is in scripts/.
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help build run test bench sweep docs deny
help:
	@echo "make run     build lkm and run examples/hello in a kernel of its own"
	@echo "make test    all checks and tests (what .ci/run calls)"
	@echo "make bench   the benches: times and ratios of one run"
	@echo "make sweep   every module of two kernels, hostile files, fuzzing, licences: long"
	@echo "make docs    write docs/generated from the code"
	@echo "make build   target/release/lkm"

build:
	@cargo build --release

run:
	@sh scripts/need.sh run
	@cargo build --release
	@$(TARGET)/release/lkm run examples/hello

test:
	@bash scripts/test.sh

bench:
	@sh scripts/need.sh test
	@cargo build --release
	@cargo run -q --release -p bench

sweep:
	@bash scripts/sweep.sh

docs:
	@cargo run -q -p xtask -- docs

deny:
	@command -v cargo-deny >/dev/null || cargo install cargo-deny --locked
	@cargo deny check bans licenses sources
	@cargo deny check advisories
