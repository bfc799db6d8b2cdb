"""The memory that a training between unpaired pictures needs, against that of a card, before hours are spent."""

from collections.abc import Mapping
from typing import Any

_KEEPS_FREE = 0.9  # of a card; the rest is CUDA's own, the weights' and what lies between blocks of memory


def training_megabytes(settings: Mapping[str, Any]) -> float:
    """What the gradients of a training's step need, MB in 32 bits: three tensors for each convolution.

    Args:
        settings: batch_size, crop_size, filters and blocks, of `cyclegan` or `cut`.
    """
    megapixels = settings["batch_size"] * settings["crop_size"] ** 2 / 1e6
    return float(megapixels * 6 * 12 * settings["filters"] * (3.25 + settings["blocks"] / 2))


def memory_advice(section: str, settings: Mapping[str, Any], gpus: int, card: float | None) -> str | None:
    """What to change where a step is not expected to fit a card; None where it is, or the card is not known.

    The need is an estimate, which no card has checked, so it is said and does not end anything.

    Args:
        section: `cyclegan` or `cut`.
        settings: see `training_megabytes`, and precision.
        gpus: cards that share each batch.
        card: memory of the smallest, MB.
    """
    halved = 2 if settings["precision"] == "bfloat16" else 1
    picture = training_megabytes({**settings, "batch_size": 1}) / halved
    need = picture * -(-settings["batch_size"] // gpus)
    if card is None or need <= _KEEPS_FREE * card:
        return None
    fits = int(_KEEPS_FREE * card // picture) * gpus
    side = int(settings["crop_size"] * (_KEEPS_FREE * card / need) ** 0.5) // 4 * 4
    smaller = f"{section}.batch_size {fits}, or " if fits else ""
    return (
        f"{section}: a step needs some {need / 1e3:.0f} GB of a card, and the smallest has {card / 1e3:.0f} GB; "
        f"what fits: {smaller}{section}.crop_size {side}; or more {section}.gpus, or precision bfloat16"
    )
