# `make help` lists what there is. Each sets up what it needs in .venv and touches nothing else on the machine.

PYTHON ?= python3
CORES ?= all
LOCK := envs/requirements.lock
BIN := .venv/bin
SNAKEMAKE := $(BIN)/snakemake

# uv from the PATH, or else from PyPI in a folder of its own.
UV := $(shell command -v uv 2>/dev/null || echo .venv/uv/bin/uv)
export UV_PYTHON_DOWNLOADS := never

.PHONY: help env demo doctor watch studies remove winter test test-fast bench bench-gpu lint docs lock clean-state
.DELETE_ON_ERROR:
.DEFAULT_GOAL := env

define HELP
make demo                     a whole study on rendered data, in about a quarter of an hour
make doctor CONFIG=mine.yaml  whether a study can run here, how long it takes, and how much space
make watch [STUDY=demo]       how each study stands, and what is running
make studies                  all studies, with size, date and state
make remove STUDY=demo        one study with all its results, and nothing else
make winter IN=photos OUT=winter WEIGHTS=latest_net_G_A.pth   a folder of pictures made wintry
make clean-state              what interrupted jobs would continue from
make env                      the environment, in .venv (6 GB, once)
make test, test-fast, lint, bench, docs, lock                 for those who change the code
A study itself is a call of Snakemake: snakemake --cores 8 --configfile mine.yaml (README.md).
endef
export HELP

help:
	@printenv HELP

env: .venv/ready

.venv/ready: $(LOCK)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Error: Snowdrift needs Python 3.11 or newer. Hint: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up .venv (about 6 GB, once)"
	@command -v $(UV) >/dev/null || $(PYTHON) -m venv .venv/uv || \
	  { echo "Error: $(PYTHON) cannot make an environment. Hint: install python3-venv (Debian, Ubuntu), or uv"; exit 1; }
	@command -v $(UV) >/dev/null || .venv/uv/bin/pip install --quiet uv
	@test -x $(BIN)/python || $(UV) venv --quiet --allow-existing --python "$$(command -v $(PYTHON))" .venv
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes $(LOCK)
	@touch $@

demo:
	@echo "The demo sets up its environment, renders its own data and runs the whole study on it:"
	@echo "about a quarter of an hour on 2 cores of a server without a GPU, more on an older laptop."
	@$(MAKE) --no-print-directory env
	$(SNAKEMAKE) --cores $(CORES) --configfile config/demo.yaml

# Whether a study can run here: make doctor CONFIG="config/demo.yaml mine.yaml". Before `make env` it says what is needed.
doctor:
	@PYTHONPATH=workflow/scripts $$(command -v $(BIN)/python || command -v $(PYTHON)) -m snowdrift.operation.doctor $(CONFIG)

# All studies, or `make watch STUDY=demo`. It leaves .venv as it is, since jobs may be running in it.
watch:
	@test -e .venv/ready || { echo "The environment is not ready yet. Hint: make env"; exit 1; }
	@PYTHONPATH=workflow/scripts $(BIN)/python -m snowdrift.operation.watch $(STUDY:%=results/%)

studies:
	@PYTHONPATH=workflow/scripts $(BIN)/python -m snowdrift.operation.studies

remove:
	@test -n "$(STUDY)" || { echo "Hint: make remove STUDY=demo; make studies lists them"; exit 1; }
	@PYTHONPATH=workflow/scripts $(BIN)/python -m snowdrift.operation.studies --remove "$(STUDY)"

# Winter versions of a plain folder of pictures, under the same names: make winter IN=photos OUT=winter and either
# WEIGHTS=latest_net_G_A.pth, or CONFIG=mine.yaml for the generator of a study, or TRANSLATOR=rendered; SIZE=512 is the short
# side at which a network sees them; PROFILE=profiles/slurm SHARDS=32 makes 32 jobs of it there. The settings lie in a file,
# since --config passes numbers as texts, with a study's name for each pair of folders, so that each call goes on where it was.
TRANSLATOR ?= cyclegan
WINTER := pictures-$(shell printf '%s\n' '$(CURDIR)' '$(IN)' '$(OUT)' | cksum | cut -d' ' -f1)
WEIGHTS_KEY = $(if $(filter cyclegan cut,$(TRANSLATOR)),pretrained,weights)
define WINTER_SETTINGS
$(if $(CONFIG),,study: "$(WINTER)")
pictures: {folder: "$(IN)", output: "$(OUT)", translator: "$(TRANSLATOR)", shards: $(or $(SHARDS),1)}
$(if $(WEIGHTS),$(TRANSLATOR): {$(WEIGHTS_KEY): "$(WEIGHTS)"})
$(if $(SIZE),winterize: {size: $(SIZE)})
endef
export WINTER_SETTINGS

winter: env
	@test -n "$(IN)" && test -n "$(OUT)" || { echo "Hint: make winter IN=photos OUT=winter WEIGHTS=latest_net_G_A.pth"; exit 1; }
	@case "$(TRANSLATOR)$(WEIGHTS)$(CONFIG)" in cyclegan|cut|matched) \
	  echo "Error: $(TRANSLATOR) has learned nothing yet. Hint: give WEIGHTS=<its generator>, CONFIG=<a study's config>, or TRANSLATOR=rendered"; exit 1;; esac
	@mkdir -p .snakemake && printenv WINTER_SETTINGS > .snakemake/$(WINTER).yaml
	$(SNAKEMAKE) pictures $(if $(PROFILE),--workflow-profile $(PROFILE),--cores $(CORES)) \
	  --configfile $(or $(CONFIG),config/pictures.yaml) .snakemake/$(WINTER).yaml

test: env
	$(BIN)/python -m pytest

# What is worth running after each edit: the units, on all cores.
test-fast: env
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/unit -n auto

# Against the plain way to the same result, or the reference's; docs/benchmarks.md has what came out, and where.
BENCH := PYTHONPATH=workflow/scripts $(BIN)/python benchmarks

bench: env
	$(BENCH)/winter_inference.py --frames 12 --rounds 3
	$(BENCH)/attack_queries.py --rounds 3
	$(BENCH)/training_step.py --rounds 2
	$(BENCH)/plan.py --rounds 1
	$(BENCH)/tables.py --rounds 1

# Some four minutes on a large card, where the reference's way has a part of the frames. What a smaller one has no memory
# for does not keep the rest from being measured.
GPU_FRAMES = $(BENCH)/winter_inference.py --device cuda --threads $$(nproc) --rounds 2

bench-gpu: env
	-$(GPU_FRAMES) --frames 2048 --reference-frames 256
	-$(GPU_FRAMES) --frames 2048 --reference-frames 256 --batch 8
	-$(GPU_FRAMES) --frames 256 --reference-frames 16 --size 1080 --width 1920
	-$(BENCH)/attack_queries.py --device cuda --threads 2 --queries 256 --rounds 3
	-$(BENCH)/training_step.py --device cuda --size 256 --rounds 8
	-$(BENCH)/training_step.py --device cuda --size 512 --batch 4 --precision bfloat16 --rounds 6

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	PYTHONPATH=workflow/scripts $(BIN)/lint-imports --no-logo
	$(BIN)/mypy
	$(SNAKEMAKE) --lint --configfile config/demo.yaml

# What interrupted jobs would continue from: they start again.
clean-state:
	rm -rf results/*/state

# After a change of workflow/schemas/config.schema.yaml or of tests/workflow/reruns.yaml.
docs: env
	PYTHONPATH=workflow/scripts $(BIN)/python -m snowdrift.settings.page workflow/schemas/config.schema.yaml config/README.md
	$(BIN)/python tests/workflow/reruns.py docs/operating.md

# After a change of the dependencies in pyproject.toml. No registry's address gets into either file.
lock:
	$(UV) pip compile pyproject.toml --group dev --universal --python-version 3.11 --upgrade \
	  --no-header --no-emit-index-url --no-annotate --generate-hashes --quiet --output-file $(LOCK)
	$(PYTHON) envs/conda_from_lock.py $(LOCK) pyproject.toml > envs/snowdrift.yaml
