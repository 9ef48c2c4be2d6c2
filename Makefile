# Everything a newcomer needs: make demo, make test. They fetch uv into .uv/ if it is missing.
# Nothing outside this folder is changed.

ifneq ($(shell command -v uv 2>/dev/null),)
UV := uv
else
UV := .uv/bin/uv
endif
RUN = $(UV) run --locked
PYTHON ?= python3

.PHONY: demo test check bench soak clean

demo: .venv/installed
	$(RUN) paybench demo

test: .venv/installed
	$(RUN) pytest

check: .venv/installed
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) pyright
	$(RUN) lint-imports

bench: .venv/installed
	$(RUN) python benchmarks

# The long trials: the same tests with many more rounds.
soak: .venv/installed
	PAYBENCH_SOAK=1 $(RUN) pytest

clean:
	rm -rf .venv .uv .pytest_cache .ruff_cache .hypothesis .paybench dist

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "python 3.11 or newer is needed: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) get_uv.py .uv

.venv/installed: pyproject.toml uv.lock $(filter .uv/bin/uv,$(UV))
	$(UV) sync --locked
	@touch $@
