"""Names that tables and report share with the attack, in a module that imports nothing."""

CEILINGS = ("pgd", "momentum_pgd")
"""Attacks that see the generator's gradients."""

TRANSFORMATIONS = ("8_bit", "jpeg_95", "jpeg_85", "jpeg_75", "resize")
"""What happens to pictures on their way; `score_<name>` is the score after it."""

FORMER_METHODS = {"default": "las_gsa", "published": "las_gsa_published"}
"""Names that attacks had before 0.2, and what they are called now."""
