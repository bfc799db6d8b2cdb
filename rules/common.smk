# What all chapters share: the checked config, the study's folder, the device and the environment.
#
# Needs: config/config.yaml and what --configfile and --config put over it.
# Makes: `config`, complete and valid; RESULTS; names that stand for the data wherever they come from.

import shlex
import sys
from os.path import relpath

from snakemake.exceptions import WorkflowError

sys.path.append(f"{workflow.basedir}/workflow/scripts")

from snowdrift.config import check_paths, complete_config, load_schema
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.results import check_writable, remove_finished

try:
    config = complete_config(
        config, load_schema(f"{workflow.basedir}/workflow/schemas/config.schema.yaml")
    )
    check_paths(config)
except SnowdriftError as error:
    raise WorkflowError(str(error))

# What the report gives as the way to make the study again.
COMMAND = shlex.join(
    [
        "snakemake",
        *(["--configfile"] if workflow.config_settings.configfiles else []),
        *(relpath(path, workflow.basedir) for path in workflow.config_settings.configfiles),
    ]
)

RESULTS = f"results/{config['study']}"
ENVIRONMENT = f"{workflow.basedir}/envs/snowdrift.yaml"

# One GPU a job, unless the config keeps the study on the CPU: then `--resources gpu=N` must not hold it back.
GPU = 0 if config["device"] == "cpu" else 1

# The longest path runs through the snow: its jobs start before any others that are ready.
CRITICAL = 1

# A job that can resume keeps its state in `{STATE}/<rule>/<wildcards>`, a param: Snakemake deletes outputs and logs.
# How often it saves is a resource instead, since no change of it may train anything again.
STATE = f"{RESULTS}/state"
SAVE_MINUTES = config["save_minutes"]
RETRIES = 2

FRAME_ROOT = config["data"]["vfp290k"] or f"{RESULTS}/data/rendered/VFP290K"
STYLE_ROOT = config["data"]["dawn"] or f"{RESULTS}/data/rendered/DAWN"

FRAMES = f"{RESULTS}/data/frames.parquet"
BOXES = f"{RESULTS}/data/boxes.parquet"


wildcard_constraints:
    shard=r"\d+",
    domain="vfp|winter|mixed",
    seed=r"\d+",


def settings(section, *keys):
    """The named keys of a config section, as one param: a change of any other key does not count."""
    return {key: config[section][key] for key in keys}


onstart:
    try:
        check_writable(RESULTS)
    except SnowdriftError as error:
        raise WorkflowError(str(error))


# Only now is it certain that Snakemake takes all results for whole; until then it may delete and want them again.
onsuccess:
    remove_finished(STATE)
