"""How many pictures the demo renders; without numpy, for the plan."""

_VAL = 4
_TEST_SHARE = 0.25


def xray_counts(images: int) -> dict[str, int]:
    """X-rays of each class in each split, where the training split has `images`."""
    return {"train": images, "val": _VAL, "test": max(_VAL, round(_TEST_SHARE * images))}


def xray_learned(images: int, held_out: float) -> tuple[int, int]:
    """Rendered X-rays of a class that networks learn from, and those held out: each phantom is a patient."""
    held = round(held_out * images)
    return images - held, held
