# What all chapters share: the checked config, the study's folder, the device and the environment.
#
# Needs: config/config.yaml and what --configfile and --config put over it.
# Makes: `config`, complete and valid; RESULTS; names that stand for the data wherever they come from; what decides
#        whether a job runs again.

import json
import logging
import shlex
import sys
from os.path import isfile, relpath
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.shell import shell

# Of this repository, also if another workflow uses it as a module.
REPOSITORY = Path(workflow.current_basedir).parent
sys.path.append(f"{REPOSITORY}/workflow/scripts")

from snowdrift.settings.config import check_paths, complete_config, load_schema
from snowdrift.data.class_maps import merged_classes, told_apart
from snowdrift.data.places import data_root, is_table
from snowdrift.data.sets import TEST_SETS, TRANSLATOR, TRUE_WINTER, shows_true_winter
from snowdrift.detection.sources import shown_splits
from snowdrift.operation.resources import needs
from snowdrift.operation.runs import FAILED, FINISHED, STOPPED, Interrupt, LastWord, Recorder
from snowdrift.runtime.code_digest import CodeDigests
from snowdrift.runtime.fingerprints import folder_fingerprint
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.leases import advise
from snowdrift.runtime.results import check_layout, check_writable, remove_finished, remove_progress
from snowdrift.snow.names import (
    TRAINED,
    WITHOUT_GPU,
    WITHOUT_STYLE,
    learns_style,
    translator_modules,
    used_translators,
)


def reads_results_alone():
    """Whether nothing is made: `snakemake verify` and `--report` need no data, which may be away by then."""
    asked = {argument.split(":")[0] for argument in sys.argv[1:]}  # `verify:` of a cluster's job
    return bool(asked & {"verify", "--report"})


try:
    config = complete_config(
        config, load_schema(f"{REPOSITORY}/workflow/schemas/config.schema.yaml")
    )
    if not reads_results_alone():
        check_paths(config)
except SnowdriftError as error:
    raise WorkflowError(str(error))

# What the report gives as the way to make the study again, and `verify` as the way to mend it.
SETTINGS = workflow.config_settings
COMMAND = shlex.join(
    [
        "snakemake",
        *(["--configfile"] if SETTINGS.configfiles else []),
        *(relpath(path, workflow.basedir) for path in SETTINGS.configfiles),
        *(["--config"] if SETTINGS.config else []),
        *(
            f"{key}={value if isinstance(value, str) else json.dumps(value)}"
            for key, value in SETTINGS.config.items()
        ),
    ]
)

RESULTS = f"results/{config['study']}"
try:
    check_layout(RESULTS)
except SnowdriftError as error:
    raise WorkflowError(str(error))

ENVIRONMENT = f"{REPOSITORY}/envs/snowdrift.yaml"

CODE = CodeDigests(store=".snakemake/code_digests.json")

# Snakemake would import pandas, for a quarter of a second, to see whether params are tables. None of ours is.
sys.modules.setdefault("pandas", None)

# N of `--resources gpu=N`; None without.
GPU_LIMIT = workflow.global_resources.get("gpu").value

NEEDS = needs(config)

# The longest path runs through the snow: its jobs start before any others that are ready.
CRITICAL = 1

# A job that can resume keeps its state in `{STATE}/<rule>/<wildcards>`, since Snakemake deletes outputs and logs. How
# often it saves is a resource, since no change of it may train anything again.
STATE = f"{RESULTS}/state"
SAVE_MINUTES = config["save_minutes"]
RETRIES = 2

RENDERED = {
    "vfp290k": f"{RESULTS}/data/rendered/VFP290K",
    "true_winter": f"{RESULTS}/data/rendered/true_winter",
    "dawn": f"{RESULTS}/data/rendered/DAWN",
    "chest_xray": f"{RESULTS}/data/rendered/chest_xray",
}
FRAME_ROOT = data_root(config["data"]["vfp290k"] or RENDERED["vfp290k"])

FRAMES = f"{RESULTS}/data/frames.parquet"
BOXES = f"{RESULTS}/data/boxes.parquet"
STYLE = f"{RESULTS}/data/style.parquet"

# Winter that no translator made: its frame table and its box table, or nothing if no set shows it.
TRUE_WINTER_FOLDER = config["data"]["true_winter"]["folder"]
TRUE_WINTER_ROOT = data_root(TRUE_WINTER_FOLDER or RENDERED["true_winter"])
TRUE_WINTER_TABLES = (
    [f"{RESULTS}/data/true_winter/frames.parquet", f"{RESULTS}/data/true_winter/boxes.parquet"]
    if shows_true_winter(config)
    else []
)

# All ways of making winter that this study runs. A generator of the user's own is not trained.
TRANSLATORS = used_translators(config)
PRETRAINED = config["cyclegan"]["pretrained"]

# Of each source that a detector sees, the splits in which it does.
SHOWN_SPLITS = shown_splits(config)

# The side studies can be left out.
XRAY = "xray" in config["chapters"]
ATTACK = "attack" in config["chapters"]
XRAY_IMAGES = f"{RESULTS}/xray/images.parquet"


wildcard_constraints:
    shard=r"\d+",
    translator="|".join(TRANSLATORS),
    domain="|".join(config["training_sets"]),
    source="|".join(SHOWN_SPLITS),
    seed=r"\d+",


def settings(section, *keys):
    """The named keys of a config section, as one param: a change of any other key does not count."""
    return {key: config[section][key] for key in keys}


def code(rule, plugin=None):
    """Digest of what the rule's script runs, for its `params: code`; worked out only for rules in the plan.

    `plugin` is a module of the library that the script loads by a name that holds wildcards, or gives it for them.
    """
    scripts = f"{REPOSITORY}/workflow/scripts"

    def digest(wildcards):
        name = plugin(wildcards) if callable(plugin) else plugin and plugin.format(**wildcards)
        plugins = [f"{scripts}/snowdrift/{name}.py"] if name else []
        return CODE.of(f"{scripts}/{rule}.py", *plugins)

    return digest


def translator_code(rule):
    """Digest of what a rule's script runs for the translator of its wildcards."""
    return code(rule, plugin=lambda wildcards: translator_modules()[wildcards.translator])


def manifests(translator):
    """The shards' manifests of a translator's winter frames."""
    return expand(
        f"{RESULTS}/snow/{translator}/shards/{{shard}}.parquet",
        shard=range(config["winterize"]["shards"]),
    )


def cached_frames(*sources):
    """The manifests of these sources' frames at the detectors' size; nothing without `detector.cache`."""
    return expand(
        f"{RESULTS}/detection/cache/{{source}}/shards/{{shard}}.parquet",
        source=[source for source in SHOWN_SPLITS if source in sources],
        shard=range(config["winterize"]["shards"] if config["detector"]["cache"] else 0),
    )


def winter_shard(wildcards):
    """The manifest of the winter frames of one shard of a source, as an input; nothing for photographs."""
    if wildcards.source not in TRANSLATORS:
        return {}
    return {"winter": f"{RESULTS}/snow/{wildcards.source}/shards/{wildcards.shard}.parquet"}


def own_weights(wildcards):
    """The file of the user's that a translator loads, if it has one; a folder's content is the user's to watch."""
    weights = config[wildcards.translator].get("weights")
    return [weights] if weights and isfile(weights) else []


def style_source(wildcards):
    """The style pictures that a translator learns from, as inputs; nothing for one that needs none."""
    if wildcards.translator in WITHOUT_STYLE:
        return {}
    return {**rendered("dawn", "style_root"), "style": f"{RESULTS}/snow/training_style.csv"}


def generator_source(wildcards):
    """Where the generator of a trained translator is from, as inputs of the rule that chooses it."""
    name = wildcards.translator
    if given := config[name]["pretrained"]:
        return {"pretrained": given}
    compared = {"epochs": f"{RESULTS}/snow/{name}/epochs.csv"} if used_epoch(name) == "best" else {}
    return {**snapshots(wildcards), **compared}


def snapshots(wildcards):
    """The snapshots of a translator's training, as inputs; their manifest says which they are."""
    name = wildcards.translator
    return {
        "snapshots": ancient(f"{RESULTS}/snow/{name}/snapshots"),
        "digests": f"{RESULTS}/digests/train_{name}/snapshots.csv",
    }


def used_epoch(translator):
    """The epoch of a translator's training that makes winter: a number, `last` or `best`."""
    return config["winterize" if translator == TRANSLATOR else translator]["epoch"]


def gpus(section=None):
    """The GPUs of a job, as a resource: `gpus` of the config section, or one."""
    if config["device"] == "cpu":  # `--resources gpu=N` must not hold the job back
        return 0
    return (lambda wildcards: _gpus(section)) if section else 1


def _gpus(section):
    count = config[section]["gpus"]
    check_gpus(count, f"config key `{section}.gpus`", f"{section}.gpus")
    return count


def check_gpus(count, source, lower):
    """Stop where a job asks more GPUs than the limit, to which Snakemake would lower it without a word."""
    if GPU_LIMIT and count > GPU_LIMIT:  # a limit of 0 stands for the CPU
        raise WorkflowError(
            f"{source}: {count} GPUs for one job, and --resources gpu={GPU_LIMIT} allows {GPU_LIMIT}\n"
            f"Hint: give --resources gpu={count} or more, or lower {lower}"
        )


for rule_name, overwritten in workflow.resource_settings.overwrite_resources.items():
    gpu = overwritten.get("gpu").raw
    if isinstance(gpu, int):
        check_gpus(gpu, f"--set-resources {rule_name}:gpu={gpu}", "it")


def memory(rule):
    """What the rule's jobs ask for, as `mem_mb`; more with each attempt."""
    return lambda wildcards, attempt: NEEDS[rule].mem_mb(attempt)


def minutes(rule):
    """What the rule's jobs ask for, as `runtime`; more with each attempt."""
    return lambda wildcards, attempt: NEEDS[rule].minutes(attempt)


# Data folders are no inputs: Snakemake would go by the time stamp of the folder itself, which moves when a stray file
# is put into it, and not when a frame is put into a video. What they hold reaches the jobs through the index tables,
# which carry the digest of every picture; rendered folders count by the manifest of the job that rendered them.


def own_folder(key):
    """The user's folder of `data.<key>`; None where it is rendered."""
    return TRUE_WINTER_FOLDER if key == "true_winter" else config["data"][key]


def rendered(key, name="root"):
    """The rendered folder that stands in for `data.<key>`, as an input; nothing where the user has a folder."""
    return {} if own_folder(key) else {name: ancient(RENDERED[key])}


def rendered_digests(key):
    """The manifest of that folder, as an input."""
    return {} if own_folder(key) else {"rendered": f"{RESULTS}/digests/render_{key}.csv"}


def without_rerun(value):
    """A value as a param whose change is no reason to run again.

    Such are paths, because moved data are the same data, and settings that decide whether a job ends in an error and not
    what it makes.
    """
    return lambda wildcards, input: value


def state_of(key, table):
    """What the user's folder `data.<key>` holds, as a param of the rule that makes `table` from it."""
    folder = {"vfp290k": FRAME_ROOT, "true_winter": TRUE_WINTER_ROOT}.get(key, own_folder(key))
    return (lambda wildcards: folder_fingerprint(folder, table)) if own_folder(key) else None


# Snakemake's own logger tells what happens to its jobs. Hooks run in the process that the user started, and only there.
LAST_WORD = LastWord()
RUN = {}


def plan():
    """Rule and log of each job that is to run, by Snakemake's number for it, in an order in which they can."""
    waves = workflow.dag.toposorted(set(workflow.dag.needrun_jobs()))
    jobs = sorted(
        (place, -job.priority, job.jobid, job) for place, wave in enumerate(waves) for job in wave
    )
    return {number: (job.rule.name, next(map(str, job.log), None)) for _, _, number, job in jobs}


def give_up(rule):
    """Try no job of the rule again."""
    workflow.get_rule(rule).restart_times = 0


def say(text, level=logging.WARNING):
    """Tell the user something that is shown after the last word too."""
    logger.log(level, text, extra={"last_word": True})


def end_run(how):
    """The run's last line."""
    LAST_WORD.silent = True
    say(RUN["recorder"].close_run(how), logging.INFO if how == FINISHED else logging.ERROR)


onstart:
    try:
        check_writable(RESULTS)
        # A cluster's jobs compute elsewhere.
        if workflow.local_exec and (advice := advise(config["device"], GPU_LIMIT)):
            logger.warning(advice)
    except SnowdriftError as error:
        raise WorkflowError(str(error))
    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler":
            handler.addFilter(LAST_WORD)
    expected = {rule: need.seconds for rule, need in NEEDS.items()}
    command = shlex.join(["snakemake", *sys.argv[1:]])
    RUN["recorder"] = Recorder(Path(RESULTS), command, plan(), expected, give_up)
    logger.addHandler(RUN["recorder"])
    RUN["interrupt"] = Interrupt(LAST_WORD, say)
    shell.prefix(Interrupt.SHELL_PREFIX)


# State is removed at the end of a successful run and not before: until then Snakemake may delete the outputs of a job that
# it does not know to be complete, and start the job again.
onsuccess:
    remove_finished(STATE)
    remove_progress(RESULTS)
    end_run(FINISHED)


onerror:
    end_run(STOPPED if RUN["interrupt"].happened else FAILED)
