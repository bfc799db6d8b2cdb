"""Settings at the ends of what the schema allows: they work, or an early job says why not."""

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import yaml

from snowdrift.demo.chest_xray import render_chest_xray
from snowdrift.operation import estimate
from snowdrift.operation.resources import needs
from snowdrift.report.figures.xray_plots import plot_scores, plot_training
from snowdrift.report.figures.xray_sheets import draw_neighbours, draw_sheet
from snowdrift.report.sections.xray import XrayFiles, xray_section
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import read_table, write_table
from snowdrift.runtime.resume import JobState
from snowdrift.scores.score_sets import ScoreSettings
from snowdrift.scores.xray_classifier import ClassifierSettings
from snowdrift.settings.config import complete_config, load_schema
from snowdrift.xray.classifier import train_xray_classifier
from snowdrift.xray.enough import require_enough
from snowdrift.xray.evaluation import ExtractorFiles, evaluate_models
from snowdrift.xray.index import class_images, index_xray
from snowdrift.xray.patients import HELD_OUT
from snowdrift.xray.samples import read_samples, write_samples
from snowdrift.xray.training import train_model

ROOT = Path(__file__).parents[2]
SCHEMA = load_schema(ROOT / "workflow/schemas/config.schema.yaml")
TINY = yaml.safe_load((ROOT / "tests/workflow/tiny.yaml").read_text())
CPU = torch.device("cpu")


def extreme(schema: Mapping[str, Any], draw: random.Random) -> Any:
    """A value that the schema allows, mostly an end of its range; None where only the user knows one."""
    if "anyOf" in schema:
        return extreme(draw.choice(schema["anyOf"]), draw)
    if "const" in schema or "enum" in schema:
        return draw.choice(schema.get("enum", [schema.get("const")]))
    match schema["type"]:
        case "integer":
            low, step = schema.get("minimum", 0), schema.get("multipleOf", 1)
            low = -(-low // step) * step
            return draw.choice([low, low, low + step, schema.get("maximum", 2**40) // step * step])
        case "number":
            low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1e-12)
            return draw.choice(
                [low, schema.get("maximum", schema.get("exclusiveMaximum", 1e300) * (1 - 1e-12))]
            )
        case "boolean":
            return draw.random() < 0.5
        case "array":
            found = [extreme(schema["items"], draw) for _ in range(draw.choice([1, 3]))]
            return list(dict.fromkeys(found))
        case _:
            return None


def extreme_section(schema: Mapping[str, Any], draw: random.Random, share: float) -> dict[str, Any]:
    """About `share` of a section's keys at extreme values."""
    section = {}
    for key, part in schema["properties"].items():
        if part.get("type") == "object" and "properties" not in part:
            continue  # its keys are names of the user's own
        if part.get("type") == "object":
            section[key] = extreme_section(part, draw, share)
        elif draw.random() < share and None not in (
            found := (value if isinstance(value := extreme(part, draw), list) else [value])
        ):
            section[key] = value if found else None
    return section


def test_a_plan_is_made_or_refused_whatever_the_schema_allows():
    draw, made = random.Random(0), 0
    for _ in range(300):
        config = extreme_section(SCHEMA, draw, draw.choice([0.02, 0.1, 0.4]))
        config["data"] |= {"vfp290k": None, "dawn": None, "chest_xray": None}
        config["demo"]["videos"] = 999
        try:
            complete = complete_config(config, SCHEMA)
        except SnowdriftError:
            continue
        for need in needs(complete).values():
            assert need.mem_mb(1) > 0 and need.minutes(3) > 0
        data = estimate.rendered_data(complete)
        assert estimate.stage_work(complete, data) and estimate.disk_bytes(complete, data)
        made += 1
    assert made > 50


def xray_settings(draw: random.Random) -> dict[str, Any]:
    splits = draw.choice([2, 2, 3, 4])

    def gan() -> dict[str, Any]:
        return {
            "image_size": draw.choice([16, 32]),
            "channels": draw.choice([1, 3]),
            "latent_size": draw.choice([1, 2]),
            "filters": 4,
            "batch_size": draw.choice([2, 3, 5]),
            "epochs": 1,
            "ema": draw.choice([0, 0.999]),
        }

    return TINY | {
        "demo": TINY["demo"] | {"xray_images": draw.choice([5, 16, 24, 40])},
        "xray": {
            "models": draw.sample(
                ["gan", "dcgan", "vae", "pca", "dcgan_augmented", "flow"], draw.choice([1, 2])
            ),
            "held_out": draw.choice([0.1, 0.25, 0.25]),
            "samples": splits * draw.choice([1, 2]),
            "sample_every": draw.choice([1, 5]),
            "gan": gan(),
            "dcgan": gan(),
            "dcgan_augmented": gan(),
            "flow": {
                "image_size": draw.choice([16, 32]),
                "channels": draw.choice([1, 3]),
                "width": 8,
                "batch_size": draw.choice([1, 3]),
                "epochs": draw.choice([1, 2]),
                "steps": draw.choice([1, 2]),
            },
            "vae": {
                "image_size": draw.choice([16, 17]),
                "channels": draw.choice([1, 3]),
                "hidden_size": 1,
                "latent_size": 1,
                "batch_size": draw.choice([1, 100]),
                "epochs": draw.choice([1, 2]),
                "validation": draw.choice([0.01, 0.3, 0.99]),
                "patience": 1,
            },
            "pca": {
                "image_size": draw.choice([3, 4, 16]),
                "channels": 1,
                "latent_size": draw.choice([1, 3, 10]),
            },
        },
        "scores": {
            "extractors": ["xray_classifier"],
            "study_splits": splits,
            "redraws": draw.choice([3, 4]),
            "neighbours": draw.choice([1, 2, 3, 9]),
            "classifier": {
                "image_size": draw.choice([16, 17]),
                "filters": 1,
                "epochs": 1,
                "batch_size": draw.choice([2, 3, 8]),
            },
        },
    }


def xray_chapter(config: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Run the chapter, and yield each stage's name before it."""
    yield "plan"
    config = complete_config(config, SCHEMA)
    xray, scores, root = config["xray"], config["scores"], folder / "set"
    render_chest_xray(root, images=config["demo"]["xray_images"], size=32, seed=0, workers=1)
    yield "index"
    images, rejected = index_xray(
        root,
        class_name="NORMAL",
        max_rejected=0,
        held_out=xray["held_out"],
        seed=0,
        rejected=folder / "rejected.csv",
    )
    require_enough(images, "NORMAL", scores)
    names = class_images(images, "train", "NORMAL")
    for model in xray["models"]:
        yield "training"
        state = JobState(folder / "state" / model, "key")
        out = folder / model
        train_model(
            model,
            xray[model],
            [root / name for name in names],
            weights=out / "weights.pth",
            losses=out / "losses.csv",
            sheets=out / "training",
            state=state,
            sample_every=xray["sample_every"],
            samples=xray["samples"],
            seed=0,
            device=CPU,
        )
        yield "samples"
        write_samples(
            model,
            xray[model],
            out / "weights.pth",
            count=max(xray["samples"], scores["redraws"] * len(class_images(images, HELD_OUT, "NORMAL"))),
            few=xray["samples"],
            array=out / "samples.npy",
            folder=out / "images",
            sheet=out / "sheet.png",
            seed=0,
            device=CPU,
        )
    yield "scores"
    classifier, accuracy = folder / "classifier.pth", folder / "classifier.csv"
    train_xray_classifier(
        images, root, scores["classifier"], weights=classifier, accuracy=accuracy, seed=0, device=CPU
    )
    tables = evaluate_models(
        images,
        root,
        "NORMAL",
        {model: folder / model / "samples.npy" for model in xray["models"]},
        xray["dcgan"],
        ExtractorFiles(["xray_classifier"], classifier, accuracy, None),
        ScoreSettings(
            xray["samples"],
            scores["study_splits"],
            scores["neighbours"],
            ClassifierSettings(**scores["classifier"]),
        ),
        seed=0,
        device=CPU,
    )
    yield "pictures"
    for name, table in (tables._asdict() | {"images": images, "rejected": rejected}).items():
        write_table(table, folder / f"{name}.csv")
    pictures = {model: sorted((folder / model / "images").glob("*.png")) for model in xray["models"]}
    draw_sheet([root / name for name in names], pictures, folder / "sheet.png")
    samples = {model: read_samples(folder / model / "samples.npy") for model in xray["models"]}
    draw_neighbours(read_table(folder / "neighbours.csv"), samples, root, folder / "neighbours.png")
    plot_scores(read_table(folder / "scores.csv"), folder / "scores.svg")
    losses = [folder / model / "losses.csv" for model in xray["models"]]
    plot_training(dict(zip(xray["models"], map(read_table, losses), strict=True)), folder / "losses.svg")
    files = {
        name: folder / f"{name}.csv"
        for name in ("images", "rejected", *tables._fields)
        if name != "neighbours"
    }
    xray_section(
        XrayFiles(
            **files, sheet=folder / "sheet.png", neighbours_picture=folder / "neighbours.png", losses=losses
        ),
        config,
    )
    yield "done"


def end_of_chapter(config: Mapping[str, Any], folder: Path) -> tuple[str, str]:
    """The last stage that the chapter came to, and the error that ended it there."""
    stages: list[str] = []
    try:
        stages.extend(xray_chapter(config, folder))
    except SnowdriftError as error:
        return stages[-1], error.message
    return stages[-1], ""


def test_an_x_ray_chapter_ends_well_or_before_anything_was_trained_in_vain(tmp_path: Path):
    draw = random.Random(6)
    ends = [end_of_chapter(xray_settings(draw), tmp_path / str(case)) for case in range(12)]
    for stage, message in ends:
        assert stage == "done" or (
            stage in ("plan", "training") and ("xray." in message or "scores." in message)
        )
    assert {"plan", "training", "done"} == {stage for stage, _ in ends}, ends
