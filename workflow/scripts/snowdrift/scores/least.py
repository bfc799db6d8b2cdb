"""How many images the scores need; without torch, for the plan."""

LEAST_REDRAWS = 2
"""Sets of the held-out images' number that the training images have to make, to show how sets differ by chance."""


def least_images(study_splits: int, neighbours: int) -> int:
    """Of each set: one in each of the study's splits, more of them than neighbours, and two for a variance."""
    return max(study_splits, neighbours + 1, 2)
