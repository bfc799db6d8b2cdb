"""Any program of the user's own, in an environment of its own: a folder of pictures in, a folder of pictures out."""

import shlex
import string
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from snowdrift.data.decoding.pictures import open_picture
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import digest_file
from snowdrift.snow.translator import Frame, Translate, Translator

_PLACES = ("input", "output", "device", "seed", "weights")
_LAST_LINES = 5


@dataclass(frozen=True)
class Settings:
    """Which program.

    Attributes:
        run: its command line. `{input}` and `{output}` stand for the two folders, `{device}` for `cpu` or `cuda:0`,
            `{seed}` for the study's seed, `{weights}` for the file or folder of that key. No shell reads it.
        weights: what the program loads, if a change of it shall make all winter frames again.
        batch: frames in a call.
    """

    run: str
    weights: str | None = None
    batch: int = 64

    def __post_init__(self) -> None:
        used = [name for _, name, _, _ in string.Formatter().parse(self.run) if name is not None]
        unknown = [f"{{{name}}}" for name in used if name not in _PLACES]
        missing = [f"{{{name}}}" for name in _PLACES[:2] if name not in used]
        if unknown or missing or self.batch < 1 or ("weights" in used and self.weights is None):
            fault = (
                f"has no {' and no '.join(missing)}"
                if missing
                else f"has {', '.join(unknown)}"
                if unknown
                else f"has {{weights}}, and command.weights is {self.weights}"
                if self.batch >= 1
                else f"gets command.batch {self.batch}; expected at least 1"
            )
            raise SnowdriftError(
                f"command.run: {self.run!r} {fault}",
                f"it needs {{input}} and {{output}}, and may have {', '.join(f'{{{name}}}' for name in _PLACES[2:])}",
            )


class CommandTranslator(Translator):
    """Calls the program on `batch` frames at a time, as PNG files of their own names, and checks what comes back."""

    name = "command"
    settings_type = Settings
    at_network_size = True
    settings: Settings
    digest: str | None = None

    @property
    def batch_size(self) -> int:
        """Frames in a call."""
        return self.settings.batch

    def fit(self, style: Sequence[Path]) -> None:
        """Note what the weights are."""
        if self.settings.weights is None:
            return
        path = Path(self.settings.weights)
        if not path.exists():
            raise SnowdriftError(f"{path}: command.weights is not there", "check the path, or set it to null")
        if path.is_file():
            self.digest = digest_file(path)

    def state(self) -> dict[str, Any]:
        """The digest of the weights, if they are a file."""
        return {"digest": self.digest}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over the digest."""
        self.digest = state["digest"]

    def start(self, device: torch.device) -> Translate:
        """Call the program once for each batch."""

        def make(pictures: Sequence[Image.Image], frames: Sequence[Frame]) -> list[Image.Image]:
            with _folders() as (given, made):
                for number, picture in enumerate(pictures):
                    picture.save(given / _name(number, frames[number]), compress_level=1)
                self._call(given, made, device, frames)
                return list(self._results(made, pictures, frames))

        return make

    def _call(self, given: Path, made: Path, device: torch.device, frames: Sequence[Frame]) -> None:
        places = {"input": given, "output": made, "device": device, "seed": self.seed}
        places["weights"] = self.settings.weights
        words = [word.format(**places) for word in shlex.split(self.settings.run)]
        where = f"command.run: {words[0]}, on {len(frames)} frames from {frames[0].frame_id}"
        try:
            done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
        except OSError as error:
            raise SnowdriftError(f"{where}: {error.strerror}", "check the program's path") from error
        if done.returncode:
            said = " / ".join((done.stderr or done.stdout).strip().splitlines()[-_LAST_LINES:])
            raise SnowdriftError(
                f"{where}: ended with status {done.returncode}: {said or 'it said nothing'}",
                "mend the program and run again: finished batches are kept",
            )

    def _results(
        self, made: Path, pictures: Sequence[Image.Image], frames: Sequence[Frame]
    ) -> Iterator[Image.Image]:
        found: dict[str, list[Path]] = {}
        for path in sorted(made.iterdir()):
            found.setdefault(path.stem, []).append(path)
        for number, (picture, frame) in enumerate(zip(pictures, frames, strict=True)):
            name = _name(number, frame)
            paths = found.pop(Path(name).stem, [])
            if len(paths) != 1:
                what = "no picture" if not paths else f"{' and '.join(path.name for path in paths)}"
                raise _fault(f"gave {what} for {name} ({frame.frame_id}); expected one picture of that name")
            try:
                result = open_picture(paths[0])
            except SnowdriftError as error:
                raise _fault(f"gave a {paths[0].name} ({frame.frame_id}) that is no picture") from error
            if result.size != picture.size:
                raise _fault(
                    f"gave {paths[0].name} ({frame.frame_id}) with {result.width}x{result.height} pixels; expected "
                    f"{picture.width}x{picture.height}, as it was given"
                )
            yield result
        if found:
            raise _fault(f"gave {next(iter(found.values()))[0].name}, which it was not given")


def _name(number: int, frame: Frame) -> str:
    """Sorted as the frames are, and with their names, which a program may want to see."""
    return f"{number:06d}_{frame.frame_id.replace('/', '__')[-120:]}.png"


@contextmanager
def _folders() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory(prefix="snowdrift-command-") as folder:
        given, made = Path(folder, "input"), Path(folder, "output")
        given.mkdir()
        made.mkdir()
        yield given, made


def _fault(problem: str) -> SnowdriftError:
    return SnowdriftError(
        f"command.run: the program {problem}", "mend the program and run again: finished batches are kept"
    )
