# Wicketgate. `make` says what there is.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
BIN := $(or $(CARGO_TARGET_DIR),target)/release/wicketgate
DEMO := pcaps/modbus/maintenance-writes
# Seconds for each fuzz target.
SECONDS_EACH ?= 30

# Seeds of the simulation, and the first one.
SEEDS ?= 20000
from ?= 0

.PHONY: help deps build demo replay test lint docs ratchet sim fuzz bench captures clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

deps: ## install the system packages that building needs, if any is missing
	@.ci/packages gcc libc6-dev

build: deps ## the program: target/release/wicketgate
	$(CARGO) build --release --locked -p wicketgate

demo: build ## a plant in network namespaces, live; where that is not possible, a replay
	@.ci/packages libmodbus-dev mbpoll iproute2 ethtool util-linux || true
	@tests/demo/live.sh $(BIN) || { [ $$? -eq 3 ] && echo "So a captured plant is replayed." && $(MAKE) replay; }

replay: build ## a plant's capture through the gate: allowed, denied, timing
	$(BIN) check --config $(DEMO)/policy.toml
	$(BIN) replay $(DEMO)/capture.pcapng --config $(DEMO)/policy.toml $$(cat $(DEMO)/replay.args)

test: deps ## all tests; those on real interfaces need root, and say so where they cannot run
	@.ci/packages libmodbus-dev mbpoll iproute2 ethtool util-linux nftables python3 python3-venv iperf3 tshark
	$(CARGO) test --locked --workspace

lint: deps ## formatting and clippy, warnings denied
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

docs: deps ## the code's documentation, warnings denied
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items

ratchet: deps ## what a frame costs, in instructions and allocations, may only fall (perf/ratchet.txt)
	@.ci/packages valgrind
	perf/ratchet.sh

sim: deps ## the gate between TCP stacks on virtual time: SEEDS=20000 from=0
	$(CARGO) test --release --locked -p wicketgate-sim --test overlap -- --include-ignored
	$(CARGO) run --release --locked -p wicketgate-sim -- --seeds $(SEEDS) --from $(from)

fuzz: ## each fuzz target for SECONDS_EACH seconds (30)
	@.ci/packages gcc g++ libc6-dev
	@command -v cargo-fuzz >/dev/null || $(CARGO) install cargo-fuzz --locked
	tests/fuzz/run $(SECONDS_EACH)

bench: build ## what a frame costs; on interfaces, in tunnels and with captures, beside other programs (30 min)
	@.ci/packages valgrind python3 nftables ethtool iproute2 iperf3 openssl wireguard-tools wireguard-go openvpn
	@.ci/packages tcpdump tshark libndpi-bin || true
	$(CARGO) run --release --locked -p wicketgate-perf
	perf/instructions.sh
	perf/live/bench.py
	perf/live/tunnels.py
	perf/peers.py

captures: ## make the bundled captures again (root; third-party stacks from PyPI, npm and Debian)
	pcaps/make.sh

clean: ## remove what was built
	$(CARGO) clean
