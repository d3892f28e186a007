# The short front of the build: CMake presets do the work, scripts/ hold what takes more than a line.
# `make run` and `make test` need nothing before them on Debian 12.

JOBS ?= $(shell nproc)
CONFIG ?= examples/home/hub.yaml
DATA ?= build/data
export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)

.DEFAULT_GOAL := help
.PHONY: help deps deps-run deps-test deps-rv32 deps-lint build run test test-asan test-tsan \
	test-release test-rv32 harness fuzz-short fuzz-long soak lint format bench size conformance docs clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' Makefile

deps: ## install what building, testing and linting need (Debian packages, npm modules)
	@scripts/deps.sh run rv32 test lint
deps-run:
	@scripts/deps.sh run
deps-test:
	@scripts/deps.sh run rv32 test
deps-rv32:
	@scripts/deps.sh rv32
deps-lint:
	@scripts/deps.sh run rv32 test lint

build: deps-run ## the command: build/release/nuthatch
	@cmake --preset release >/dev/null && cmake --build --preset release

run: build ## the demo home on http://127.0.0.1:8080 and mqtt://127.0.0.1:1883
	@scripts/run_home.sh $(CONFIG) $(DATA) $(ARGS)

test: deps-test ## every test: sanitizers, threads, release end to end, the 32-bit chip
	@scripts/run_tests.sh asan tsan release rv32
test-asan: deps-test ## unit, fuzz corpus and end-to-end tests under ASan and UBSan
	@scripts/run_tests.sh asan
test-tsan: deps-test ## the threaded parts under TSan
	@scripts/run_tests.sh tsan
test-release: deps-test ## end-to-end, browser and gate tests of the release build
	@scripts/run_tests.sh release
test-rv32: deps-rv32 ## core and mqtt on a 32-bit RISC-V chip in the emulator
	@scripts/run_tests.sh rv32

harness: build ## the harness's scenarios against a fresh hub each, beside the firmware before it
	@/usr/bin/python3 scripts/run_harness.py $(ARGS)

fuzz-short: deps-test ## each fuzz target for 30 s
	@scripts/fuzz.sh 30
fuzz-long: deps-test ## each fuzz target for 30 min
	@scripts/fuzz.sh 1800
soak: deps-test ## thousands of kills, a long queue, then the end-to-end tests over and over: one hour
	@scripts/soak.sh

lint: deps-lint ## format, clang-tidy, cppcheck, layering, scripts
	@scripts/lint.sh
format: ## clang-format over the whole tree
	@git ls-files '*.c' '*.h' | xargs clang-format -i

bench: deps-test ## every benchmark, ratios in one run
	@scripts/bench.sh
size: deps-rv32 ## measure flash and RAM by module and write docs/mcu-size.md
	@cmake --preset rv32 >/dev/null && cmake --build --preset rv32 --target size_table_write

conformance: ## write docs/mqtt-conformance.md anew from what the tests cite
	@/usr/bin/python3 scripts/mqtt_conformance.py
docs: ## check that the pages under docs/ link to what exists
	@/usr/bin/python3 scripts/check_docs.py && /usr/bin/python3 scripts/mqtt_conformance.py --check

clean: ## remove every build
	@rm -rf build
