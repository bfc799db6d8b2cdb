"""The configuration: defaults filled in, and every fault named before anything runs.

Snakemake reads the Snakefile at every start, and this module with it, so it imports nothing heavy.
"""

import copy
import difflib
import logging
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from snowdrift.attack.names import FORMER_METHODS
from snowdrift.data.class_maps import map_faults, merged_classes
from snowdrift.data.places import is_table
from snowdrift.data.sets import (
    ORIGINAL,
    TRUE_WINTER,
    complete_sets,
    complete_test_sets,
    gates_of,
    has_true_winter,
    moved_mix,
    set_faults,
    shows_true_winter,
)
from snowdrift.data.split_files import read_split_file
from snowdrift.data.splits import SPLITS
from snowdrift.demo.counts import xray_counts, xray_learned
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.scores.least import LEAST_REDRAWS, least_images
from snowdrift.settings.schema import describe, is_section, load_schema
from snowdrift.snow.names import learns_style, translator_modules, used_translators

__all__ = ["check_paths", "complete_config", "load_schema", "read_config"]

logger = logging.getLogger(__name__)
HINT = "mend these keys in your config file; config/README.md explains every key"
FORMER_NAMES = {
    ("attack", "methods"): FORMER_METHODS,
    ("scores", "extractors"): {"domain": "xray_classifier"},
}
"""Of the entries of lists, which 0.2 still understands."""
FILES = ("cyclegan.pretrained", "cut.pretrained", "detector.pretrained")
DATASETS = ("data.vfp290k", "data.true_winter.folder")
"""Keys of folders in whose place a file can describe a dataset."""

# YAML 1.1 wants a dot in the mantissa and a sign in the exponent; without them it reads a text.
_LOOSE_FLOAT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


def complete_config(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Check `config` against `schema` and return a copy with every default filled in.

    `splits.file` is read here, so that nothing after this knows whether a config or a file names the videos.

    Raises:
        SnowdriftError: a key is unknown, of the wrong type, out of range, or at odds with another key. The
            message has one line for each fault, with the key, what was given, and what would be right. Or see
            `split_files.read_split_file`.
    """
    if not isinstance(config, Mapping):
        raise SnowdriftError(f"the config is {_show(config)}; expected a section with keys", HINT)
    config, own = _set_apart(_renamed(config), schema)
    lines = [line for error in _validator(schema).iter_errors(config) for line in _explain(error)]
    problems = list(dict.fromkeys(lines))  # a value can break two limits of one key
    if problems:
        raise SnowdriftError(_listing(problems), HINT)
    complete = _fill(config, schema)
    complete["xray"] |= own["xray"]
    complete |= own["translators"]
    there = has_true_winter(complete["data"])
    given = complete["training_sets"]
    complete["training_sets"] = complete_sets(given, true_winter=there)
    complete["gates"] = {
        name: gates for name, gates in gates_of(given).items() if name in complete["training_sets"]
    }
    complete["test_sets"] = complete_test_sets(complete["test_sets"], true_winter=there)
    _refuse(_split_file_conflicts(complete["splits"]))
    if complete["splits"]["file"] is not None:
        complete["splits"] |= read_split_file(complete["splits"]["file"], complete["splits"]["key"])
    _refuse(_conflicts(complete))
    return complete


def _renamed(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The config with the names that the entries of its lists have now, and a line for each that has another."""
    renamed = dict(config)
    for (section, key), former in FORMER_NAMES.items():
        keys = config.get(section)
        entries = keys.get(key) if isinstance(keys, Mapping) else None
        if not isinstance(keys, Mapping) or not isinstance(entries, list):
            continue
        now = [former.get(entry, entry) if isinstance(entry, str) else entry for entry in entries]
        for old, new in zip(entries, now, strict=True):
            if old != new:
                logger.warning(
                    "config key `%s.%s`: `%s` is called `%s` now; 0.3 will not know the old name",
                    section,
                    key,
                    old,
                    new,
                )
        renamed[section] = {**keys, key: now}
    return renamed


def _refuse(faults: Iterator[tuple[str, str]]) -> None:
    problems = [f"config key `{key}`: {fault}" for key, fault in faults]
    if problems:
        raise SnowdriftError(_listing(problems), HINT)


def read_config(files: Sequence[Path], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The complete config of files put over each other as Snakemake does, the last on top.

    Raises:
        SnowdriftError: a file that is missing or no YAML, or see `complete_config`.
    """
    merged: dict[str, Any] = {}
    for file in files:
        try:
            layer = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            hint = "save it as UTF-8" if isinstance(error, UnicodeDecodeError) else "see config/README.md"
            raise SnowdriftError(f"{file}: cannot be read as a config: {error}", hint) from error
        merged = _put_over(layer or {}, merged)
    return complete_config(merged, schema)


def _put_over(top: Any, base: Any) -> Any:
    if not isinstance(top, Mapping) or not isinstance(base, Mapping):
        return top
    return {**base, **{key: _put_over(value, base.get(key)) for key, value in top.items()}}


def check_paths(config: Mapping[str, Any]) -> None:
    """Check that every folder and file that the config names is there; relative to the working directory.

    What the chapters of this study do not read is not checked.

    Raises:
        SnowdriftError: at least one is missing, or a file where a folder should be or the other way round.
    """
    problems = []
    for key in _folders(config):
        path = _value(config, key)
        if path is not None and not Path(path).is_dir() and not (key in DATASETS and Path(path).is_file()):
            fault = "is not a folder" if Path(path).exists() else "there is no such folder"
            problems.append(f"config key `{key}`: {path}: {fault}")
    for key in _files(config):
        path = _value(config, key)
        if path is not None and not Path(path).is_file():
            fault = "is not a file" if Path(path).exists() else "there is no such file"
            problems.append(f"config key `{key}`: {path}: {fault}")
    if problems:
        raise SnowdriftError(
            _listing(problems),
            f"mount the disk that it lies on, or mend the path, which is relative to {Path.cwd()}; without data of "
            "your own, try `make demo`; a side study whose data you do not have can be left out of `chapters`",
        )


def _folders(config: Mapping[str, Any]) -> Iterator[str]:
    """Keys of the folders that this study reads."""
    yield "data.vfp290k"
    yield "data.true_winter.folder"
    yield "pictures.folder"
    if learns_style(config):
        yield "data.dawn"
    if "xray" in config["chapters"]:
        yield "data.chest_xray"


def _files(config: Mapping[str, Any]) -> Iterator[str]:
    """Keys of the files that this study reads."""
    yield from FILES
    yield "quality.detector"
    if "network" in used_translators(config):
        yield "network.weights"
    if (group := config["splits"]["group"]) and is_table(group):
        yield "splits.group"
    if "xray" in config["chapters"]:
        yield "scores.inception_weights"
    if "attack" in config["chapters"]:
        yield "attack.transfer"


def xray_generators() -> list[str]:
    """Names of the modules that hold a model of X-rays; they are not imported, for that takes seconds."""
    folder = Path(__file__).parents[1] / "xray/generators"
    files = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}
    return [name for name, text in files.items() if f'\n    name = "{name}"\n' in text]


def _set_apart(
    config: Mapping[str, Any], schema: Mapping[str, Any]
) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """The config without the sections of plug-ins that the schema does not know, and these; their jobs check them."""
    xray = config.get("xray", {})
    translators = _unknown_sections(config, translator_modules(), schema)
    generators = _unknown_sections(xray, xray_generators(), schema["properties"]["xray"])
    rest = {name: part for name, part in config.items() if name not in translators}
    if generators:
        rest["xray"] = {name: part for name, part in xray.items() if name not in generators}
    return rest, {"translators": translators, "xray": generators}


def _unknown_sections(
    section: Any, names: Collection[str], schema: Mapping[str, Any]
) -> dict[str, Mapping[str, Any]]:
    if not isinstance(section, Mapping):
        return {}
    known = schema["properties"]
    return {name: copy.deepcopy(section[name]) for name in names if name in section and name not in known}


def _validator(schema: Mapping[str, Any]) -> jsonschema.Draft202012Validator:
    """A validator for which 3.0 is no integer, and neither infinity, NaN nor 10**400 is a number."""
    checker = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_integer, "number": lambda _, value: _is_number(value)}
    )
    return jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=checker)(schema)


def _is_integer(_: Any, value: Any) -> bool:
    # No library counts beyond 64 bits.
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _is_number(value: Any) -> bool:
    return _is_integer(None, value) or (isinstance(value, float) and math.isfinite(value))


def _fill(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    complete = {}
    for name, part in schema["properties"].items():
        if is_section(part):
            complete[name] = _fill(config.get(name, {}), part)
        else:
            # Of a mapping with keys that the user chooses, those of the default stay.
            default = part["default"]
            complete[name] = copy.deepcopy(_put_over(config.get(name, default), default))
    return complete


def _explain(error: jsonschema.ValidationError) -> Iterator[str]:
    """One line for each fault that `error` stands for."""
    path = [str(part) for part in error.absolute_path]
    if error.validator == "additionalProperties":
        allowed = list(error.schema["properties"])
        for name, value in error.instance.items():
            if name not in allowed:
                yield _unknown_key(path, name, value, allowed)
        return
    key = _key(error.absolute_path)
    if error.validator == "type" and is_section(error.schema):
        yield f"config key `{key}`: {_show(error.instance)}; expected keys indented under it, or no such line"
        return
    given = f"{_show(error.instance)}{_misread(error)}"
    yield f"config key `{key}`: {given}; expected {describe(error.schema)} ({_meaning(error.schema)})"


def _unknown_key(path: list[str], name: Any, value: Any, allowed: list[str]) -> str:
    key = ".".join([*path, str(name)])
    if key == "detector.mixed":
        return f"config key `{key}` is gone, since training sets have their own keys; {moved_mix(value)}"
    close = difflib.get_close_matches(str(name), allowed, n=1, cutoff=0.6)
    if close:
        return f"unknown config key `{key}`; did you mean `{'.'.join([*path, close[0]])}`?"
    place = f"`{'.'.join(path)}`" if path else "the top level"
    return f"unknown config key `{key}`; the keys of {place} are {', '.join(allowed)}"


def _meaning(schema: Mapping[str, Any]) -> str:
    """The first sentence of the description, without its full stop and capital."""
    sentence: str = schema["description"].split(". ")[0].rstrip(".")
    return sentence if sentence[:2].isupper() else sentence[0].lower() + sentence[1:]


def _misread(error: jsonschema.ValidationError) -> str:
    """A remark on a value that YAML, or the command line, read as another type than its writer meant."""
    value = error.instance
    wanted = describe(error.schema)
    if isinstance(value, str) and "number" in wanted and _LOOSE_FLOAT.fullmatch(value):
        return f" (YAML reads this as a text; write {float(value):.10g} or {float(value):.1e})"
    if isinstance(value, str) and ("number" in wanted or "integer" in wanted) and _reads_as_number(value):
        return " (a text; in a file, write it without quotes; `--config` passes nested numbers as texts)"
    if (
        wanted.startswith(("a text", "a path"))
        and not isinstance(value, str | list | Mapping)
        and value is not None
    ):
        return " (put it into quotes)"
    return ""


def _reads_as_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _conflicts(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys that are right alone but at odds with another: (key, fault)."""
    for check in (
        _data_conflicts,
        _split_conflicts,
        _true_winter_conflicts,
        _training_conflicts,
        _translator_conflicts,
        _detector_conflicts,
        _xray_conflicts,
        _attack_conflicts,
    ):
        yield from check(config)


def _data_conflicts(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    data = config["data"]
    described = data["vfp290k"] is not None and Path(data["vfp290k"]).suffix in (".yaml", ".yml", ".json")
    if data["layout"] == "vfp290k" and len(data["class_names"]) != 2 and not described:
        yield (
            "data.class_names",
            f"{len(data['class_names'])} names; expected two, for VFP290K's 0 (normal) and 1 (fallen)",
        )
    if "all" in data["class_names"]:
        yield "data.class_names", "`all` stands for all classes together in the tables; choose another name"
    wanted = sum(_videos(config["splits"][split]) for split in SPLITS)
    rendered = config["demo"]["videos"]
    if data["vfp290k"] is None and data["layout"] != "vfp290k":
        yield "data.vfp290k", f"null; `data.layout: {data['layout']}` needs the folder of your frames"
    elif data["vfp290k"] is None and wanted > rendered:
        yield "splits", f"{wanted} videos; expected at most {rendered}, since `demo.videos` renders no more"


def _split_file_conflicts(splits: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Lists beside the file that names the videos, or a key of no file. Counts are in its place, as in the defaults."""
    if splits["file"] is None and splits["key"] is not None:
        yield "splits.key", f"{_show(splits['key'])}; expected `splits.file` beside it"
    for name in SPLITS if splits["file"] is not None else ():
        if isinstance(splits[name], list):
            yield (
                f"splits.{name}",
                "a list, and `splits.file` names the videos; expected one of the two: a count here, or "
                "`splits.file: null`",
            )


def _split_conflicts(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    splits = config["splits"]
    owner: dict[str, str] = {}
    for name in SPLITS:
        videos = splits[name]
        for video in videos if isinstance(videos, list) else []:
            if video in owner:
                yield (
                    f"splits.{name}",
                    f"video `{video}` is also in `splits.{owner[video]}`; expected it in one split",
                )
            owner[video] = name
    yield from set_faults(config["training_sets"], _videos(splits["train"]), translator_modules())


def _true_winter_conflicts(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Faults of a user's own true winter; what is rendered has the classes and splits of the frames."""
    own, study = config["data"]["true_winter"], config["data"]["class_names"]
    if own["folder"] is None:
        return
    if not shows_true_winter(config):
        yield "data.true_winter.folder", "nothing shows it; expected `true_winter` in `test_sets`"
    for fault in map_faults(own["class_names"] or study, own["map"], study):
        yield "data.true_winter.map", fault
    merged = next(iter(merged_classes(own["map"]).items()), None)
    for name, shares in config["training_sets"].items():
        if TRUE_WINTER in shares and merged:
            yield (
                f"training_sets.{name}",
                f"shows true winter, whose class `{merged[0]}` does not tell {' and '.join(merged[1])} apart, so that "
                "no detector of these can learn from it; expected other sources",
            )
        for split in ("train", "val"):
            if TRUE_WINTER in shares and not own[split]:
                yield (
                    f"data.true_winter.{split}",
                    f"0; expected at least one video, since `training_sets.{name}` shows true winter",
                )
    both = {*_named(own["train"])} & {*_named(own["val"])}
    if both:
        yield "data.true_winter.val", f"video `{min(both)}` is also in `data.true_winter.train`"


def _named(split: int | list[str]) -> list[str]:
    return split if isinstance(split, list) else []


def _videos(split: int | list[str]) -> int:
    return len(split) if isinstance(split, list) else split


def _detector_conflicts(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    batch, nominal = config["detector"]["batch_size"], config["detector"]["nominal_batch_size"]
    if nominal < batch:
        yield "detector.nominal_batch_size", f"{nominal}; expected at least `detector.batch_size` ({batch})"
    if batch % config["detector"]["gpus"]:
        yield (
            "detector.batch_size",
            f"{batch}; expected a multiple of `detector.gpus` ({config['detector']['gpus']})",
        )
    elif config["detector"]["image_size"] == 32 and batch == config["detector"]["gpus"]:
        yield (
            "detector.batch_size",
            f"{batch}; expected at least two for each GPU, since `detector.image_size` (32) leaves batch normalisation "
            "one value of a frame",
        )


def _training_conflicts(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _unpaired_conflicts(config, "cyclegan", config["winterize"]["epoch"], "winterize.epoch")
    if "cut" in used_translators(config):
        yield from _unpaired_conflicts(config, "cut", config["cut"]["epoch"], "cut.epoch")


def _unpaired_conflicts(
    config: Mapping[str, Any], name: str, epoch: int | str, epoch_key: str
) -> Iterator[tuple[str, str]]:
    """Of the section of a training on unpaired pictures, which both draw what `cyclegan` chooses."""
    section, frames = config[name], config["cyclegan"]["frames"]
    if section["pretrained"] is not None:
        return
    if section["crop_size"] > section["load_size"]:
        yield (
            f"{name}.crop_size",
            f"{section['crop_size']}; expected at most `{name}.load_size` ({section['load_size']})",
        )
    if section["batch_size"] > frames:
        yield (
            f"{name}.batch_size",
            f"{section['batch_size']}; expected at most `cyclegan.frames` ({frames})",
        )
    elif (rendered := _rendered_pairs(config)) is not None and section["batch_size"] > rendered:
        yield (
            f"{name}.batch_size",
            f"{section['batch_size']}; expected at most {rendered}, since `demo` renders no more to learn from",
        )
    if section["batch_size"] % section["gpus"]:
        yield (
            f"{name}.batch_size",
            f"{section['batch_size']}; expected a multiple of `{name}.gpus` ({section['gpus']}), "
            "which share each batch evenly",
        )
    total, every = section["epochs"] + section["decay_epochs"], section["snapshot_every"]
    if epoch not in ("last", "best") and (epoch > total or epoch % every):
        yield (
            epoch_key,
            f"{epoch}; expected `last`, `best` or a multiple of `{name}.snapshot_every` ({every}) "
            f"up to `{name}.epochs` + `{name}.decay_epochs` ({total})",
        )


def _translator_conflicts(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    modules = translator_modules()
    for name in config["translators"]:
        if name not in modules:
            yield "translators", f"{name}; expected some of {', '.join(modules)}"
    pictures, used = config["pictures"], used_translators(config)
    if pictures["translator"] not in modules:
        yield "pictures.translator", f"{pictures['translator']}; expected one of {', '.join(modules)}"
    if (pictures["folder"] is None) != (pictures["output"] is None):
        lacking = "output" if pictures["output"] is None else "folder"
        yield (
            f"pictures.{lacking}",
            "null; expected both folders, that of the pictures and that of their winter",
        )
    for name in used:
        if not isinstance(config.get(name), Mapping):
            yield name, "no such section; expected the settings of this translator, which have no defaults"
    for set_name, gates in config["gates"].items():
        for source, gate in gates.items():
            if source in (ORIGINAL, TRUE_WINTER):
                yield (
                    f"training_sets.{set_name}.{source}",
                    "`keep` leaves out translations whose labels are no longer true; expected a share alone",
                )
            elif gate["by"] == "agreement" and config["quality"]["detector"] is None:
                yield (
                    "quality.detector",
                    f"null; expected a detector, since `training_sets.{set_name}` goes by it",
                )
    for name in ("matched", "rendered"):
        least, most = config[name]["least"], config[name]["most"]
        if name in used and least > most:
            yield f"{name}.least", f"{least}; expected at most `{name}.most` ({most})"
    for name, key in (("network", "weights"), ("command", "run")):
        if name in used and config[name][key] is None:
            yield (
                f"{name}.{key}",
                "null; expected it to be given, since a training set or `translators` has it",
            )


def _rendered_pairs(config: Mapping[str, Any]) -> int | None:
    """Pairs of an epoch of the CycleGAN; None where the user has frames or style pictures, which nobody has counted."""
    if config["data"]["vfp290k"] is not None or config["data"]["dawn"] is not None:
        return None
    cyclegan, demo = config["cyclegan"], config["demo"]
    frames: int = min(cyclegan["frames"], _videos(config["splits"]["train"]) * demo["frames"])
    style: int = min(cyclegan["style_images"], demo["snow_images"])
    return max(frames, style)


def _xray_conflicts(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    generators = xray_generators()
    for name in config["xray"]["models"]:
        if name not in generators:
            yield "xray.models", f"{name}; expected some of {', '.join(generators)}"
        elif not isinstance(config["xray"].get(name), Mapping):
            yield (
                f"xray.{name}",
                "no such section; expected the settings of this generator, which have no defaults",
            )
    samples, splits = config["xray"]["samples"], config["scores"]["study_splits"]
    if samples % splits:
        yield "xray.samples", f"{samples}; expected a multiple of `scores.study_splits` ({splits})"
    if "xray" in config["chapters"] and config["data"]["chest_xray"] is None:
        yield from _rendered_xray_conflicts(config)


def _rendered_xray_conflicts(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Settings for more X-rays than the demo renders; of X-rays that the user has, their index says so."""
    rendered = config["demo"]["xray_images"]
    learned, held_out = xray_learned(rendered, config["xray"]["held_out"])
    of = f"the {learned} of `demo.xray_images` ({rendered}) that are not held out"
    for name in ("gan", "dcgan", "dcgan_augmented", "flow"):
        batch = config["xray"][name]["batch_size"]
        if name in config["xray"]["models"] and batch > learned:
            yield f"xray.{name}.batch_size", f"{batch}; expected at most {of}"
    share = config["xray"]["vae"]["validation"]
    if "vae" in config["xray"]["models"] and not 0 < round(share * learned) < learned:
        yield (
            "xray.vae.validation",
            f"{share:g}; expected a fraction that takes some of {of}, and leaves some",
        )
    if learned < LEAST_REDRAWS * held_out:
        yield (
            "xray.held_out",
            f"{config['xray']['held_out']:g}; takes {held_out} of `demo.xray_images` ({rendered}), and the rest has to "
            f"be {LEAST_REDRAWS} times as many",
        )
    scores = config["scores"]
    for key, least in {
        "study_splits": least_images(scores["study_splits"], 0),
        "neighbours": least_images(0, scores["neighbours"]),
    }.items():
        tested = xray_counts(rendered)["test"]
        if least > min(tested, held_out):
            yield (
                f"scores.{key}",
                f"{scores[key]}; needs {least} X-rays in each set, and of `demo.xray_images` ({rendered}) {held_out} "
                f"are held out and {tested} rendered to test with",
            )


def _attack_conflicts(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    images, shards = config["attack"]["images"], config["attack"]["shards"]
    if shards > images:
        yield "attack.shards", f"{shards}; expected at most `attack.images` ({images})"


def _listing(problems: list[str]) -> str:
    if len(problems) == 1:
        return problems[0]
    return f"{len(problems)} faults in the config:\n" + "\n".join(f"  {problem}" for problem in problems)


def _key(path: Any) -> str:
    key = ""
    for part in path:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    return key


def _show(value: Any) -> str:
    if value is None:
        return "empty (null)"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(dict(value)) if isinstance(value, Mapping) else repr(value)


def _value(config: Mapping[str, Any], key: str) -> Any:
    value: Any = config
    for name in key.split("."):
        value = value[name]
    return value
