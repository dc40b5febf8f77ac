# make play        set up this machine, build the instrument and open it
# make test        set up this machine and run every test
# make lint        what the continuous integration holds the source to: every feature, the documentation, the fuzz targets
# make bench       time the hot paths
# make check-cuda  build for NVIDIA cards; needs no card, and no CUDA toolkit either
# make packages    a .deb for this release of Debian, and a tarball
# make check-packages  make them for Debian 12 and 13, install them in bare systems and perform there; needs root
#
# Arguments go through ARGS: make play ARGS="presets/first.toml --sound-in default"

CARGO ?= cargo
ARGS ?=

.PHONY: play test lint bench check-cuda packages check-packages setup

play:
	@scripts/setup.sh play
	$(CARGO) run --release --locked -- play $(ARGS)

test:
	@scripts/setup.sh test
	$(CARGO) test --locked --workspace $(ARGS)

lint:
	@scripts/setup.sh play
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) clippy --locked --no-default-features -- -D warnings
	$(CARGO) clippy --locked --features link -- -D warnings
	CARGO="$(CARGO)" scripts/check-cuda.sh --lint
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps
	@cp Cargo.lock fuzz/Cargo.lock
	$(CARGO) check --manifest-path fuzz/Cargo.toml --target-dir target

bench:
	@scripts/setup.sh play
	$(CARGO) bench --locked $(ARGS)

check-cuda:
	CARGO="$(CARGO)" scripts/check-cuda.sh $(ARGS)

packages:
	@scripts/setup.sh play
	scripts/package.sh deb
	scripts/package.sh tarball

check-packages:
	@scripts/setup.sh play
	CARGO="$(CARGO)" scripts/check-packages.sh $(ARGS)

setup:
	@scripts/setup.sh test
