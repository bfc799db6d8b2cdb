"""Snowdrift: the library behind the workflow's scripts.

One package per chapter of the study (`data`, `cyclegan`, `detector`, `report`, and `demo`, which renders
the embedded data), with `runtime` beneath them. Nothing here imports snakemake: every function takes plain
arguments, so a test or a notebook calls it as a rule does.
"""
