"""Names of videos, frames and classes: compared in one Unicode form, told apart in messages, not too long.

macOS writes `é` and Hangul syllables in parts (NFD), other systems as one character (NFC). Both look the same.
"""

import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence

from snowdrift.runtime.errors import SnowdriftError

MAX_BYTES = 255
"""Longest name of a file or folder on the usual file systems, in bytes."""
_ADDED = len("_true_winter.cache")
"""Bytes that a detector's dataset adds to the name of a video, with Ultralytics' cache of its labels."""
_SUFFIX = len(".jpeg")


def canonical(name: str) -> str:
    """The name in Unicode's form NFC."""
    return unicodedata.normalize("NFC", name)


def by_canonical(names: Iterable[str], what: str) -> dict[str, str]:
    """Map the canonical form of each name to the name itself.

    Raises:
        SnowdriftError: Two of them are the same name. `what` says what they are, with the place.
    """
    found: dict[str, str] = {}
    for name in names:
        other = found.setdefault(canonical(name), name)
        if other != name:
            raise SnowdriftError(
                f"{what}: '{other}' and '{name}' are one name in two spellings: {difference(other, name)}",
                "rename one of the two, or move the content of one into the other",
            )
    return found


def difference(first: str, second: str) -> str:
    """In words, how two names differ that look alike; empty if they do not look alike or are equal."""
    if first == second:
        return ""
    if canonical(first) == canonical(second):
        forms = [_form(name) for name in (first, second)]
        return f"the first is in Unicode form {forms[0]}, the second in {forms[1]}"
    if canonical(first).casefold() == canonical(second).casefold():
        return "they differ in capital letters"
    if "".join(first.split()) == "".join(second.split()):
        return f"they differ in spaces: {first!r} and {second!r}"
    if _skeleton(first) == _skeleton(second):
        pairs = zip(first, second, strict=False)
        one, other = next(((a, b) for a, b in pairs if a != b), (first[len(second) :], second[len(first) :]))
        return f"they differ in {_spelled(one)} and {_spelled(other)}"
    return ""


def look_alike(name: str, others: Sequence[str]) -> str:
    """A remark on the first of `others` that looks like `name` and is not; empty if there is none."""
    for other in others:
        if remark := difference(name, other):
            return f"'{other}' looks like it, but {remark}"
    return ""


def fault_of_length(video: str, file: str) -> str:
    """Why a frame's names are too long for the results that are named after it; empty if they are not.

    Args:
        video: The video's name.
        file: The picture's file name, whose suffix may be replaced.
    """
    folder = len(video.encode()) + _ADDED
    name = len(os.path.splitext(file)[0].encode()) + _SUFFIX
    if max(folder, name) <= MAX_BYTES:
        return ""
    kind, size, room = (
        ("video", folder - _ADDED, MAX_BYTES - _ADDED)
        if folder > MAX_BYTES
        else ("picture", len(file.encode()), MAX_BYTES)
    )
    return f"name is too long: the {kind}'s has {size} bytes, results have room for {room}; rename it"


def check_locale(names: Iterable[str]) -> None:
    """Raise a SnowdriftError if this locale cannot show one of the file names.

    Without UTF-8, names of files come as other letters than those that were written, and pair with nothing.
    """
    encoding = sys.getfilesystemencoding()
    if encoding.lower().replace("-", "") == "utf8":
        return
    for name in names:
        if not name.isascii():
            shown = name.encode(encoding, "surrogateescape").decode("utf-8", "backslashreplace")
            raise SnowdriftError(
                f"{shown!a}: this locale ({encoding}) cannot show the name of this file",
                "set a locale with UTF-8, such as `export LC_ALL=C.UTF-8`, and run again",
            )


def _form(name: str) -> str:
    forms = [form for form in ("NFC", "NFD") if unicodedata.is_normalized(form, name)]
    return forms[0] if forms else "neither NFC nor NFD"


def _skeleton(name: str) -> str:
    """The name without what cannot be seen, and with compatible letters as one."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(letter for letter in plain if unicodedata.category(letter) not in ("Cf", "Zs"))


def _spelled(text: str) -> str:
    return " ".join(f"U+{ord(letter):04X} ({unicodedata.name(letter, '?')})" for letter in text) or "nothing"
