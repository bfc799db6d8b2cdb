"""What a set of images is to the scores, and the verdict that none is."""

YARDSTICK, SPLIT, SHIFTED = "yardstick", "split", "shifted"
"""Held-out real images; training images against each other; real images of another distribution."""

MODEL, BASELINE = "model", "baseline"
"""What is compared; what any model should beat."""

TRAINING = "training"
"""The name of the row of the training images."""

UNDECIDED = "undecided"
