# make play   set up this machine, build the instrument and open it
# make test   set up this machine and run every test
# make lint   what the continuous integration holds the source to
# make bench  time the hot paths
#
# Arguments go through ARGS: make play ARGS="presets/first.toml --sound-in default"

CARGO ?= cargo
ARGS ?=

.PHONY: play test lint bench setup

play:
	@scripts/setup.sh play
	$(CARGO) run --release --locked -- play $(ARGS)

test:
	@scripts/setup.sh test
	$(CARGO) test --locked $(ARGS)

lint:
	@scripts/setup.sh play
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --no-default-features -- -D warnings

bench:
	@scripts/setup.sh play
	$(CARGO) bench --locked $(ARGS)

setup:
	@scripts/setup.sh test
