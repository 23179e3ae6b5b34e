# Every target makes the virtual environment it needs in .venv, from pyproject.toml at the versions of constraints.txt.
#
#   make demo                        the quickest way to see something
#   make test PYTHON=python3.12      with another interpreter (for a new .venv: remove the old one first)

PYTHON ?= python3
VENV := .venv
DEMO := demo-output
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Two test workers share the cores; numerical libraries that start threads of their own would only get in the way.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1 \
	ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS=1
WORKERS ?= 2

EXTRAS_demo := report,progress,fast
EXTRAS_test := report,progress,fast,test,slicer-test,train
EXTRAS_bench := report,progress,fast,bench

.DEFAULT_GOAL := help
.PHONY: help demo test bench accuracy docs lint system

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.ready-demo ## simulate an examination, fit it, compare with the truth: demo-output/
	$(BIN)/dcepk demo --overwrite -o $(DEMO)
	@echo "Open in a browser: $(CURDIR)/$(DEMO)/patlak/report.html"

test: $(VENV)/.ready-test ## check the style, then run every test (reference data: DCEPK_REFERENCE_DATA)
	$(BIN)/ruff check .
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --doctest-modules \
		Testing DCEPKMaps training/Testing

bench: $(VENV)/.ready-bench accuracy ## speed against other programs side by side, and accuracy
	$(BIN)/python benchmarks/run.py

accuracy: $(VENV)/.ready-bench ## standard errors and models on the phantom, and what wrong inputs do
	$(BIN)/python benchmarks/accuracy.py
	$(BIN)/python benchmarks/limits.py

docs: $(VENV)/.ready-demo ## write docs/methods.md and the picture of the README again
	$(BIN)/python docs/generate_methods.py
	$(BIN)/python docs/make_picture.py

lint: $(VENV)/.ready-test ## check the style only
	$(BIN)/ruff check .

system: ## install the Debian packages of packages.txt (as root)
	@missing=""; \
	for name in $$(sed 's/#.*//' packages.txt); do \
		dpkg-query --show --showformat '$${Status}' "$$name" 2>/dev/null | grep -q 'ok installed' \
			|| missing="$$missing $$name"; \
	done; \
	if [ -z "$$missing" ]; then echo "Every package of packages.txt is installed."; \
	elif [ "$$(id -u)" -eq 0 ]; then apt-get update && apt-get install -y --no-install-recommends $$missing; \
	else echo "Only root can install packages; run: sudo apt-get install$$missing" >&2; exit 1; fi

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "dcepk needs Python 3.10 or newer, and '$(PYTHON)' is not: name another, as in make PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { \
		echo "'$(PYTHON)' cannot make a virtual environment (on Debian and Ubuntu: apt-get install python3-venv)" >&2; \
		exit 1; }
	@touch $@

# The package itself is linked, not copied, so that changes of the code count at once.
$(VENV)/.ready-%: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing into $(VENV) ..."
	@$(PIP) setuptools
	@$(PIP) --no-build-isolation --editable ".[$(EXTRAS_$*)]"
	@touch $@
