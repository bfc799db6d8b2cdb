"""What a set of images is to the scores, and the verdict that none is."""

YARDSTICK, SHIFTED, MODEL, BASELINE = "yardstick", "shifted", "model", "baseline"
"""Held-out real images; real images of another distribution; what is compared; what any model should beat."""

UNDECIDED = "undecided"
