"""How many images the scores need; without torch, for the plan."""


def least_images(study_splits: int, neighbours: int) -> int:
    """Of each set: one in each of the study's splits, more of them than neighbours, and two for a variance."""
    return max(study_splits, neighbours + 1, 2)
