PYTHON ?= python3
BIN := .venv/bin
# Else every process, and tests start many, compiles TensorFlow anew: 12 seconds in place of 4.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: imbalance test mypy pytest test-all benchmark lock clean

# The main job: an answer to the question, on the embedded digits, in minutes. Without AVX-512 they
# are half as many with oneDNN, which the networks of this study may use: docs/performance.md.
imbalance: export TF_ENABLE_ONEDNN_OPTS ?= 1
imbalance: .venv/installed
	$(BIN)/python -m gan_mnist.main --experiment=imbalance

test: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(MAKE) -j2 mypy pytest

mypy: .venv/installed
	$(BIN)/mypy

pytest: .venv/installed
	$(BIN)/python -m pytest $(PARALLEL)

# Keeps a file, and what it has made once, in one process. On two cores a third process saves
# a twelfth of the time, as the others sometimes wait.
PARALLEL := -q -n 3 --dist=worksteal

# And tests marked as slow, with files named slow_*.py, which take longer, a browser, a tracker or a
# cluster. Those of some folders begin processes of their own, and mind the time.
SLOW := -m slow --override-ini=python_files='test_*.py slow_*.py' --timeout=1500
BEGINNING := commands report slow study
test-all: test .venv/browser
	$(BIN)/python -m pytest $(PARALLEL) $(SLOW) $(BEGINNING:%=--ignore=tests/%)
	$(BIN)/python -m pytest -q $(SLOW) $(BEGINNING:%=tests/%)

benchmark: .venv/installed
	$(BIN)/python -m pytest -q -s tests/benchmarks --override-ini=python_files='bench_*.py' --timeout=3600
	$(BIN)/python -m gan_mnist.readme

# What CI installs, exactly; users have the ranges of setup.cfg.
lock: .venv/installed
	$(BIN)/uv pip compile -q setup.cfg --extra test --extra browser --extra mlflow --extra wandb --extra submitit --extra ray --extra s3 --extra s3_server --python-version 3.11 \
		--no-annotate --custom-compile-command "make lock" --upgrade -o requirements-ci.txt

.venv/installed: setup.cfg
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q uv # does in 15 seconds what takes pip 75
	$(BIN)/uv pip install -q --python $(BIN)/python -e ".[test]"
	touch $@

.venv/browser: .venv/installed
	$(BIN)/uv pip install -q --python $(BIN)/python -e ".[test,browser,mlflow,wandb,submitit,ray,s3,s3_server]"
	command -v chromium || (apt-get update -q && apt-get install -y -q --no-install-recommends chromium) || \
	    (echo "test-all: no browser; as root: apt-get install chromium" >&2; exit 1)
	touch $@

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache
