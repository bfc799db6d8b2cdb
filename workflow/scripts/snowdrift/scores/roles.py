"""What a set of images is to the scores, and the verdict that none is."""

YARDSTICK, MODEL, BASELINE = "yardstick", "model", "baseline"
"""Held-out real images; what is compared; what any model should beat."""

UNDECIDED = "undecided"
