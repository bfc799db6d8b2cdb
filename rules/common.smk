# What all chapters share: the checked config, the study's folder, the device and the environment.
#
# Needs: config/config.yaml and what --configfile and --config put over it.
# Makes: `config`, complete and valid; RESULTS; names that stand for the data wherever they come from; what decides
#        whether a job runs again.

import shlex
import sys
from os.path import relpath

from snakemake.exceptions import WorkflowError
from snakemake.settings.enums import RerunTrigger

sys.path.append(f"{workflow.basedir}/workflow/scripts")

from snowdrift.config import check_paths, complete_config, load_schema
from snowdrift.runtime.code_digest import code_digest
from snowdrift.runtime.errors import SnowdriftError

try:
    config = complete_config(
        config, load_schema(f"{workflow.basedir}/workflow/schemas/config.schema.yaml")
    )
    check_paths(config)
except SnowdriftError as error:
    raise WorkflowError(str(error))

if workflow.dag_settings:
    # Whatever the profile says: a script's time stamp does not matter, since `params: code` is exact, and an input
    # whose bytes are those of last time does not matter either, weights and large tables included.
    workflow.dag_settings.rerun_triggers -= {RerunTrigger.CODE}
    workflow.dag_settings.max_checksum_file_size = 10**9

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


def code(rule):
    """Digest of what the rule's script runs, for its `params: code`; worked out only for rules in the plan."""
    return lambda wildcards: code_digest(f"{workflow.basedir}/workflow/scripts/{rule}.py")
