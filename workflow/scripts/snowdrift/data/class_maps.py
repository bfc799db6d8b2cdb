"""What the classes of true winter mean in the study: one class each, several that it does not tell apart, or none.

Snakemake reads this module at every start, so it imports nothing heavy.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeGuard

ClassMap = Mapping[str, str | Sequence[str] | None]
"""For a class of true winter, the study's name for it, its names for what that class does not tell apart, or None,
which leaves out its boxes. A class that is not there has the same name in the study."""


class ToldApart(NamedTuple):
    """The classes that a test set tells apart.

    Attributes:
        names: in the order of their numbers in its metrics.
        ids: for each class of the study, the number of the class that its detections and objects count as.
    """

    names: list[str]
    ids: list[int]


def merged_classes(meanings: ClassMap) -> dict[str, list[str]]:
    """The classes of true winter that stand for several of the study's, with these."""
    return {own: list(meant) for own, meant in meanings.items() if _is_several(meant)}


def class_ids(own: Sequence[str], meanings: ClassMap, study: Sequence[str]) -> list[int]:
    """For each class of true winter its number in the study, or -1 if its boxes are left out.

    A class that stands for several has the number of the first of them.
    """
    meant = [_names(meanings.get(name, name)) for name in own]
    return [study.index(names[0]) if names else -1 for names in meant]


def told_apart(study: Sequence[str], merged: Mapping[str, Sequence[str]]) -> ToldApart:
    """The study's classes, in its order, with one in the place of those that `merged_classes` gives it."""
    name_of = {name: own for own, several in merged.items() for name in several}
    counted_as = [name_of.get(name, name) for name in study]
    names = list(dict.fromkeys(counted_as))
    return ToldApart(names, [names.index(name) for name in counted_as])


def map_faults(own: Sequence[str], meanings: ClassMap, study: Sequence[str]) -> Iterator[str]:
    """What is wrong with a map, in words."""
    for name in meanings:
        if name not in own:
            yield f"class `{name}` is none of true winter's ({', '.join(own)}); expected one of these"
    meant_by: dict[str, list[str]] = {}
    for name in own:
        meant = _names(meanings.get(name, name))
        for unknown in (each for each in meant if each not in study):
            yield (
                f"class `{unknown}` is none of the study's ({', '.join(study)}); expected the name that `{name}` has "
                f"there, as in `{{{name}: {study[0]}}}`, or null, which leaves out its boxes"
            )
        for each in meant:
            meant_by.setdefault(each, []).append(name)
    several = merged_classes({name: meanings.get(name, name) for name in own})
    for name, by in meant_by.items():
        group = next((each for each in by if each in several), None)
        if group is not None and len(by) > 1:
            others = " and ".join(f"`{each}`" for each in by if each != group) or "the same class"
            yield f"class `{name}` is one of those of `{group}`, and {others} means it too; expected one of both"
    for name, names in several.items():
        if name in study and name not in names:
            yield f"class `{name}` stands for {' and '.join(names)}, but the study has a class `{name}` besides"


def _names(meant: str | Sequence[str] | None) -> list[str]:
    if meant is None:
        return []
    return [meant] if isinstance(meant, str) else list(meant)


def _is_several(meant: str | Sequence[str] | None) -> TypeGuard[Sequence[str]]:
    return meant is not None and not isinstance(meant, str)
