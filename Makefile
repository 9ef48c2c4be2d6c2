# Everything a newcomer needs: make demo, make test. They fetch uv into .uv/ if it is missing.
# Nothing outside this folder is changed.

PYTHON ?= python3
ifneq ($(shell command -v uv 2>/dev/null),)
UV := uv
else
UV := .uv/bin/uv
endif
HERE := $(filter .uv/bin/uv,$(UV))
RUN = $(UV) run --locked

.PHONY: demo test check bench soak lab clean

# Each installs no more than it needs.
demo: $(HERE)
	$(RUN) --no-default-groups paybench demo

# In two processes, file by file: much of it waits, for parts in wall time and for other processes.
test: $(HERE)
	$(RUN) --no-default-groups --group test pytest -n 2 --dist loadfile --no-loadscope-reorder

check: $(HERE)
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) pyright
	$(RUN) lint-imports

bench: $(HERE)
	$(RUN) --no-default-groups --group test python benchmarks

# The long trials: the same tests with a hundred times as many rounds.
soak: $(HERE)
	PAYBENCH_SOAK=1 $(RUN) --no-default-groups --group test pytest

# The drivers against a real kernel's, in a virtual machine: docs/lab.md. As root it installs QEMU.
lab: $(HERE)
	$(RUN) --no-default-groups --group test python tests/lab

clean:
	rm -rf .venv .uv .pytest_cache .ruff_cache .hypothesis .paybench dist

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "python 3.11 or newer is needed: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) get_uv.py .uv
