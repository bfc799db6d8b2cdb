"""The study's classes, and how a dataset's own numbers and words for them are read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from snowdrift.data.decoding.images import FaultyFile
from snowdrift.data.names import canonical, difference
from snowdrift.runtime.errors import SnowdriftError

_LISTS = ("classes.txt", "_classes.txt", "_darknet.labels")


@dataclass(frozen=True)
class Classes:
    """The classes that the study knows.

    Attributes:
        names: By class_id, as the config has them.
        drop_others: Whether objects of other classes are left out; else a frame that shows one is faulty.
        numbers: The class_id of each number that the dataset's labels use, if it lists its classes; None in it leaves
            objects out. Without a list, the numbers are those of `names`.
    """

    names: tuple[str, ...]
    drop_others: bool = False
    numbers: tuple[int | None, ...] | None = None

    def of_number(self, number: float) -> int | None:
        """The class_id of a dataset's number for a class; None if its objects are to be left out.

        Raises:
            FaultyFile: There is no such class.
        """
        numbers = range(len(self.names)) if self.numbers is None else self.numbers
        if float(number).is_integer() and 0 <= number < len(numbers):
            return numbers[int(number)]
        if self.drop_others and self.numbers is None and float(number).is_integer() and number >= 0:
            return None
        raise FaultyFile(f"class unknown: '{number:g}', known are 0 to {len(numbers) - 1}")

    def of_word(self, word: str) -> int | None:
        """The class_id of a dataset's word for a class; None if its objects are to be left out.

        Raises:
            FaultyFile: The study has no such class.
        """
        word = canonical(word)
        names = [canonical(name) for name in self.names]
        if word in names:
            return names.index(word)
        if self.drop_others:
            return None
        alike = [text for name in names if (text := difference(word, name))]
        remark = f" ({alike[0]})" if alike else ""
        raise FaultyFile(f"class unknown: '{word:.40}'{remark}, known are {', '.join(names)}")

    def listed(self, names: Sequence[str], source: Path | str) -> "Classes":
        """The same classes for the labels of a dataset that lists its own, by their number.

        Raises:
            SnowdriftError: The list is not the config's `data.class_names`, and others are not left out.
        """
        if not self.drop_others and [canonical(name) for name in names] != [canonical(n) for n in self.names]:
            raise SnowdriftError(
                f"{source}: names the classes {list(names)}, the config has data.class_names: {list(self.names)}"
                + self._apart(names),
                f"set `data.class_names: [{', '.join(names)}]`, in this order, or `data.other_classes: drop` to "
                "study some of them",
            )
        missing = set(map(canonical, self.names)) - set(map(canonical, names))
        if missing:
            raise SnowdriftError(
                f"{source}: names the classes {list(names)}, and not {', '.join(sorted(missing))} of "
                f"data.class_names{self._apart(names)}",
                "set data.class_names to names that the dataset has",
            )
        return replace(self, numbers=tuple(self.of_word(name) for name in names))

    def _apart(self, names: Sequence[str]) -> str:
        pairs = zip(names, self.names, strict=False)
        remarks = [remark for own, name in pairs if (remark := difference(own, name))]
        return f"; {remarks[0]}" if remarks else ""


def is_list(name: str) -> bool:
    """Whether annotation tools leave the names of the classes in such a file, one a line, in their numbers' order."""
    return name.lower() in _LISTS or name.lower().endswith(".names")


def read_list(path: Path) -> list[str]:
    """The names in a list of classes.

    Raises:
        SnowdriftError: It is no text file.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SnowdriftError(
            f"{path}: cannot be read as a list of classes: {error}", "mend or remove it"
        ) from error
    return [line.strip() for line in lines if line.strip()]
