"""One shard of the attack: some photographs, every method, and what became of each."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

from snowdrift.attack.methods import WHITE_BOX, as_published, seed_word, start_attack
from snowdrift.attack.names import TRANSFORMATIONS
from snowdrift.attack.objective import Budget, Goal
from snowdrift.attack.queries import Progress, QueryCounter
from snowdrift.attack.robustness import to_rounded_picture, transformed, visibility
from snowdrift.attack.white_box import projected_gradient
from snowdrift.data.decoding.pictures import open_picture
from snowdrift.runtime.devices import full_precision, memory_limit
from snowdrift.runtime.files import atomic_path, write_table
from snowdrift.runtime.progress import track
from snowdrift.runtime.resume import JobState
from snowdrift.runtime.seeds import derive_seed
from snowdrift.runtime.workers import one_core_threads
from snowdrift.snow.networks.inference import accelerated
from snowdrift.snow.networks.resnet import ResnetGenerator
from snowdrift.snow.pixels import to_tensor

logger = logging.getLogger(__name__)

COLUMNS = [
    "image",
    "group",
    "method",
    "epsilon",
    "queries",
    "spent",
    "budget",
    "score",
    "success",
    "passed",
    "is_attackable",
    "translation_energy",
    "linf",
    "rms",
    "psnr",
    "ssim",
    *(f"score_{transformation}" for transformation in TRANSFORMATIONS),
    "score_transfer",
    "ceiling",
    "half_ceiling_queries",
]
TRACE_COLUMNS = ["image", "method", "queries", "score"]


@dataclass(frozen=True)
class AttackSettings:
    """The config's `attack` section, as far as a shard reads it.

    Attributes:
        size: side in pixels to which photographs are scaled and centre-cropped; a multiple of 4.
        epsilon: most that a value may change, on the scale of [-1, 1].
        success: score from which on an image counts as protected.
        queries: most that a black-box attack may ask for one image.
        methods: black-box attacks, by their names in `methods`.
        ceiling_steps: iterations of the white-box attacks.
        batch_size: images that go through the generator together.
    """

    size: int
    epsilon: float
    success: float
    queries: int
    methods: Sequence[str]
    ceiling_steps: int
    batch_size: int


def attack_shard(
    images: pd.DataFrame,
    generator: ResnetGenerator,
    second: ResnetGenerator | None,
    settings: AttackSettings,
    *,
    root: Path,
    table: Path,
    traces: Path,
    pictures: Path,
    state: JobState,
    seed: int,
    device: torch.device,
    threads: int,
) -> None:
    """Attack the given images by every method, black-box ones and the ceiling.

    Args:
        images: their `frame_id`, `image` and `group` (of videos).
        generator: the one that is attacked.
        second: another, to which the protection may or may not transfer.
        settings: sizes, budget and methods.
        root: folder that `image` is relative to.
        table: CSV or Parquet file, one row an image and method, `COLUMNS`. `success` is of the
            answer, `passed` of any image on the way, `queries` those to the first success, or the
            whole `budget` where the answer is none, so that giving up early is not fast; `spent` all
            that were. `ceiling` is the best score that a white-box attack reached for the image;
            `half_ceiling_queries` those after which half of it was first reached, NaN where it never was.
        traces: CSV or Parquet file, one row each time that an attack's answer changed, `TRACE_COLUMNS`.
        pictures: folder for `<frame_id>/{original,winter}.png` and `<frame_id>/<method>_{protected,winter}.png`.
        state: what a killed job continues from: the methods that it was through with.
        seed: of the directions, which differ by image and method and not by shard.
        device: where the generators run.
        threads: on the CPU, cores that share the queries and the photographs.

    Raises:
        SnowdriftError: an image has broken since the index, or the device's memory is too small.
    """
    generator = generator.to(device)
    names = list(images["frame_id"])
    originals = [prepare(root / image, settings.size).to(device) for image in images["image"]]
    done = {item["method"]: item for item in state.items()}
    with (
        one_core_threads(threads) as pool,
        full_precision(),  # the steps of finite differences are smaller than TF32's rounding
        memory_limit(
            f"attack.batch_size: a batch of {settings.batch_size} images of {settings.size} px",
            "lower attack.batch_size or attack.size",
        ),
    ):
        asked = accelerated(generator) if device.type == "cpu" else generator
        methods = [*WHITE_BOX, *settings.methods] if names else []
        for number, method in enumerate(methods, 1):
            if method not in done:
                stage = f"{method} ({number} of {len(methods)} attacks)"
                ends = _attack(method, stage, names, originals, generator, asked, settings, seed, pool)
                rows = [
                    _row(name, group, method, end, generator, second, settings)
                    for name, group, end in zip(names, images["group"], ends, strict=True)
                ]
                for name, end in zip(names, ends, strict=True):
                    _write_pictures(state.folder / "pictures" / name, method, end, generator)
                done[method] = {"method": method, "rows": rows, "traces": [end.trace for end in ends]}
                state.append(done[method])
            _log_end(method, done[method]["rows"], settings.queries)
    steps = pd.DataFrame(_steps(names, done.values()), columns=TRACE_COLUMNS)
    rows = pd.DataFrame([row for item in done.values() for row in item["rows"]], columns=COLUMNS)
    write_table(_with_ceilings(rows, steps), table)
    write_table(steps, traces)
    (state.folder / "pictures").mkdir(exist_ok=True)
    state.publish("pictures", pictures)
    state.finish()


def _log_end(method: str, rows: Sequence[Mapping[str, Any]], queries: int) -> None:
    reached = sum(row["success"] for row in rows)
    logger.info("%s: %d of %d images nullified", method, reached, len(rows))
    if not any(row["linf"] for row in rows):
        logger.warning(
            "%s changed no image. Hint: the %d queries an image of attack.queries may be too few for its first step",
            method,
            queries,
        )


def _steps(names: Sequence[str], done: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, int, float]]:
    for item in done:
        for name, trace in zip(names, item["traces"], strict=True):
            yield from ((name, item["method"], queries, score) for queries, score in trace)


def _with_ceilings(rows: pd.DataFrame, steps: pd.DataFrame) -> pd.DataFrame:
    """The same rows with `ceiling` and `half_ceiling_queries`."""
    ceilings = rows[rows["method"].isin(WHITE_BOX)].groupby("image")["score"].max()
    rows["ceiling"] = rows["image"].map(ceilings)
    far_enough = steps[steps["score"] >= steps["image"].map(ceilings) / 2]
    first = far_enough.groupby(["image", "method"])["queries"].first()
    rows["half_ceiling_queries"] = [first.get(key) for key in zip(rows["image"], rows["method"], strict=True)]
    return rows


def prepare(path: Path, size: int) -> Tensor:
    """A photograph as (3, size, size) in [-1, 1], scaled to fit and cropped around its centre."""
    return to_tensor(ImageOps.fit(open_picture(path), (size, size), Image.Resampling.BICUBIC))


def _attack_by_gradients(
    method: str,
    stage: str,
    originals: Sequence[Tensor],
    generator: nn.Module,
    settings: AttackSettings,
    pool: Executor,
) -> list[Progress]:
    budget, momentum = Budget(settings.epsilon, settings.success), WHITE_BOX[method]

    def attack(image: Tensor) -> Progress:
        return projected_gradient(
            generator, image, budget, iterations=settings.ceiling_steps, momentum=momentum
        )

    on_cpu = all(image.device.type == "cpu" for image in originals)
    ends = pool.map(attack, originals) if on_cpu else map(attack, originals)
    return list(track(ends, stage, len(originals), "images"))


def _attack(
    method: str,
    stage: str,
    names: Sequence[str],
    originals: Sequence[Tensor],
    generator: nn.Module,
    asked: nn.Module,
    settings: AttackSettings,
    seed: int,
    pool: Executor,
) -> list[Progress]:
    """`generator` gives gradients, `asked` is the same network for queries."""
    if method in WHITE_BOX:
        return _attack_by_gradients(method, stage, originals, generator, settings, pool)

    def random(index: int) -> torch.Generator:
        return torch.Generator().manual_seed(derive_seed(seed, "attack", names[index], seed_word(method)))

    device = originals[0].device
    counter = QueryCounter(
        asked,
        limit=settings.queries,
        batch_size=settings.batch_size,
        device=device,
        pool=pool if device.type == "cpu" else None,
    )
    published = as_published(method)
    return counter.attack(
        originals,
        lambda index, goal: start_attack(method, goal, settings.queries, random(index)),
        Budget(settings.epsilon, settings.success),
        keep_best=not published,
        stop_at_success=not published,
        stage=stage,
    )


@torch.inference_mode()
def _row(
    name: str,
    group: str,
    method: str,
    end: Progress,
    generator: nn.Module,
    second: nn.Module | None,
    settings: AttackSettings,
) -> dict[str, Any]:
    goal = end.goal
    after = goal.score(generator(transformed(end.best_image))).tolist()
    success = end.score >= goal.success
    budget = end.queries if method in WHITE_BOX else settings.queries  # gradients are followed to the end
    return {
        "image": name,
        "group": group,
        "method": method,
        "epsilon": settings.epsilon,
        "queries": end.first_success if success else budget,
        "spent": end.queries,
        "budget": budget,
        "score": end.score,
        "success": success,
        "passed": end.first_success is not None,
        "is_attackable": goal.is_attackable,
        "translation_energy": goal.translation_energy,
        **visibility(goal.original, end.best_image),
        **{
            f"score_{transformation}": score
            for transformation, score in zip(TRANSFORMATIONS, after, strict=True)
        },
        "score_transfer": float("nan") if second is None else _transfer(second, end),
    }


def _transfer(second: nn.Module, end: Progress) -> float:
    """The score that the answer reaches with another generator; NaN where that one hardly changes the image."""
    original = end.goal.original
    second = second.to(original.device)
    goal = Goal.of(original, second(original[None])[0], Budget(0))
    return float(goal.score(second(end.best_image[None]))[0]) if goal.is_attackable else float("nan")


@torch.inference_mode()
def _write_pictures(folder: Path, method: str, end: Progress, generator: nn.Module) -> None:
    """The protected image is written as it would be handed out, in 8 bits, and so is what becomes of it."""
    protected = to_rounded_picture(end.best_image)
    again = generator(to_tensor(protected)[None].to(end.best_image.device))[0]
    for name, picture in (
        ("original", to_rounded_picture(end.goal.original)),
        ("winter", to_rounded_picture(end.goal.translation)),
        (f"{method}_protected", protected),
        (f"{method}_winter", to_rounded_picture(again)),
    ):
        with atomic_path(folder / f"{name}.png") as temporary:
            picture.save(temporary)
