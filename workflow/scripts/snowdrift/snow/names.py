"""Which translators there are: each has a module or a package of its name in `translators/`.

Snakemake reads this module at every start, so it imports nothing heavy.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from snowdrift.data.sets import TRANSLATOR

_FOLDER = Path(__file__).parent / "translators"
TRAINED = (TRANSLATOR, "cut")
"""Those that a rule of their own trains; a snapshot of the training is chosen."""

WITHOUT_GPU = ("matched", "rendered")
"""Those that have nothing for a GPU to do."""

WITHOUT_STYLE = ("rendered", "network", "command")
"""Those that need no style pictures."""

MOST_COMPARED = 100
"""Frames by which the epochs of a training are compared: at most so many."""


@cache
def translator_modules() -> dict[str, str]:
    """For each translator the module that holds its class, as a path below the library without its suffix.

    Modules and packages whose name begins with `_` are none. The study's own comes first.
    """
    found = {path.stem: f"snow/translators/{path.stem}" for path in sorted(_FOLDER.glob("[!_]*.py"))}
    packages = sorted(path.parent.name for path in _FOLDER.glob("[!_]*/translator.py"))
    found |= {name: f"snow/translators/{name}/translator" for name in packages}
    return {name: found[name] for name in sorted(found, key=lambda name: (name != TRANSLATOR, name))}


def used_translators(config: Mapping[str, Any]) -> list[str]:
    """The translators that a complete config runs: the study's, those of its training sets, and those that it lists."""
    shown = {source for shares in config["training_sets"].values() for source in shares}
    wanted: set[str] = {TRANSLATOR, *shown, *config["translators"]}
    if config["pictures"]["folder"] is not None:
        wanted |= {config["pictures"]["translator"]}
    return [name for name in translator_modules() if name in wanted]


def learns_style(config: Mapping[str, Any]) -> bool:
    """Whether a translator of this study learns from the style pictures, so that they have to be there."""
    ready = {*WITHOUT_STYLE, *(name for name in TRAINED if config[name]["pretrained"] is not None)}
    return any(name not in ready for name in used_translators(config))
