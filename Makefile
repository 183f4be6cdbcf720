# Every target works on a fresh clone: packaging/bootstrap.sh installs what that target needs and is missing.

.DEFAULT_GOAL := help
.PHONY: help run check test test-all compat bench bench-scale lint clean-data

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## A development server on http://localhost:8080/auth with sample clients; data stays in ./data
	@packaging/bootstrap.sh run
	cargo run -- serve --dev

check: ## The fast loop: lints and unit tests
	@packaging/bootstrap.sh run
	cargo clippy --all-targets
	cargo test --lib

test: ## What a clone must pass: format, lints, unit, integration, documentation, durability and real clients
	@packaging/bootstrap.sh test
	tests/clients/setup.sh
	$(MAKE) --no-print-directory lint
	cargo test

test-all: ## The same, with the long matrices and large third-party clients (600 MB)
	@packaging/bootstrap.sh test
	@packaging/bootstrap.sh test-all
	@packaging/bootstrap.sh bench
	tests/clients/setup.sh --all
	$(MAKE) --no-print-directory lint
	cargo test --lib --bins --tests -- --include-ignored
	cargo test --test integration live::rows -- --ignored --nocapture
	cargo test --doc
	tests/compat/run.sh
	cargo bench --profile dev --bench load -- --quick
	cargo bench --profile dev --bench micro -- --quick

compat: ## What a server of this tree answers differently from a recorded Keycloak, per topic; fails on what nothing allows
	@packaging/bootstrap.sh test
	cargo build
	tests/compat/run.sh

bench: ## Requests against a release server, in units of one RSA signature; fails when a figure misses its target
	@packaging/bootstrap.sh bench
	cargo bench --bench micro
	cargo bench --bench load

bench-scale: ## How cost, start and memory grow with realms, clients, users and sessions
	@packaging/bootstrap.sh bench
	cargo bench --bench load -- --scale

lint:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo check --lib --no-default-features
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

clean-data: ## Forget everything that `make run` kept in ./data
	rm -rf data
