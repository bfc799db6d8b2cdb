"""Snowdrift: the library behind the workflow's scripts.

Chapters of the study: `data`, `snow`, `detection`, `xray`, `attack`, `report`, and `demo`, which renders the embedded
data. Beneath them are `runtime`, `statistics`, `scores` (of generated images) and `settings` (the config). Beside them
is `operation` (doctor, watch, costs). Nothing here imports snakemake: every function takes plain arguments, so a test
or a notebook calls it as a rule does.
"""
