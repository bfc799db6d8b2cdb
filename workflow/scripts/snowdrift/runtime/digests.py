"""What a job has made, file by file, and whether it is still on disk as it was made."""

import csv
import hashlib
import io
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import atomic_path, digest_file
from snowdrift.runtime.progress import track

FOLDER = "digests"
"""Name of the folder in a study's results where the manifests lie."""
_COLUMNS = ["output", "file", "bytes", "digest"]
_SHOWN = 20


class Damage(NamedTuple):
    """A file that is not as it was made."""

    file: Path
    fault: str
    output: Path
    """The declared output of its job that has to go, so that the job makes it again."""
    rule: str
    """The rule of that job."""


def write_digests(
    outputs: Iterable[Path | str],
    manifest: Path | str,
    beside: Mapping[str, str] | None = None,
) -> None:
    """Write the manifest of a job that has ended: one row for each file of its outputs, folders included.

    `beside` are files that the job makes without declaring them, each with the output that has to go so that it is made
    again.

    Columns: output (the file or folder that the rule declares), file, bytes, digest (SHA-256). Paths are relative
    to the study's folder, in which `manifest` lies below `digests/`. For a link inside a folder, bytes is empty and
    the digest is that of where it points. The last row is the digest of all others.

    Raises:
        FileNotFoundError: an output was not made.
    """
    base = _study(Path(manifest))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    made = [(output, file) for output in map(Path, outputs) for file in _files(output)]
    made += [(Path(output), Path(file)) for file, output in (beside or {}).items()]
    for output, file in made:
        size = "" if _is_inner_link(file, output) else file.stat().st_size
        digest = _link_digest(file) if size == "" else digest_file(file)
        writer.writerow([os.path.relpath(output, base), os.path.relpath(file, base), size, digest])
    writer.writerow(["", "", "", _digest(text.getvalue())])
    with atomic_path(manifest) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", errors="surrogateescape")


def find_damage(study: Path, threads: int) -> tuple[int, list[Damage]]:
    """Hold every file that the jobs of a study have declared against their manifests, and these against themselves.

    Args:
        study: the study's folder, results/<study>.
        threads: readers.

    Returns:
        How many files were read, and the damaged ones.

    Raises:
        SnowdriftError: the study has no manifest.
    """
    manifests = sorted((study / FOLDER).rglob("*.csv"))
    if not manifests:
        raise SnowdriftError(
            f"{study / FOLDER}: there is no manifest", "run the study first, then `verify` it"
        )
    with ThreadPoolExecutor(threads) as pool:
        checked = pool.map(_manifest_damage, manifests)
        counts, damage = zip(*track(checked, "reading results", len(manifests), "manifests"), strict=True)
    return sum(counts), [each for part in damage for each in part]


def damage_error(damage: Sequence[Damage], rules: Sequence[str], options: str) -> SnowdriftError:
    """The error that names damaged files, and how to make these alone again.

    Args:
        damage: at least one.
        rules: names of the workflow's rules, upstream first.
        options: what the study's Snakemake call has behind its targets.
    """
    lines = [f"  {each.file}: {each.fault}" for each in damage[:_SHOWN]]
    if len(damage) > _SHOWN:
        lines.append(f"  ... and {len(damage) - _SHOWN} more")
    outputs: dict[str, list[str]] = {}
    for each in damage:
        outputs.setdefault(each.rule, []).append(shlex.quote(str(each.output)))
    place = {rule: index for index, rule in enumerate(rules)}
    repairs = []
    # One call for each rule: within a call, what is downstream of a target that is made would be made with it.
    for rule in sorted(outputs, key=lambda rule: place.get(rule, len(place))):
        targets = " ".join(dict.fromkeys(outputs[rule]))
        repairs.append(f"  rm -rf {targets} && snakemake {targets}{options}")
    return SnowdriftError(
        "\n".join([f"{len(damage)} files are not as they were made:", *lines]),
        "\n".join(
            ["make them again, in this order; what comes out the same is no reason to run more:", *repairs]
        ),
    )


def _manifest_damage(manifest: Path) -> tuple[int, list[Damage]]:
    """How many rows one manifest has, and the damage it knows of, its own included."""
    base = _study(manifest)
    rule = manifest.relative_to(base / FOLDER).parts[0].removesuffix(".csv")
    body, last = _split_last_line(manifest.read_bytes())
    whole = last == f",,,{hashlib.sha256(body).hexdigest()}\n".encode()
    damage = []
    if not whole:
        damage.append(Damage(manifest, "altered, its last line does not fit the others", manifest, rule))
    # Row by row: a dataset's manifest may have a million.
    text = io.TextIOWrapper(io.BytesIO(body), "utf-8", "surrogateescape", newline="")
    count = 0
    for row in csv.DictReader(text):
        count += 1
        if whole:
            file, output = base / row["file"], base / row["output"]
            fault = file_fault(file, _size(row), row["digest"])
        else:  # what it says may be wrong, so its job is made again as a whole
            file, output = base / (row.get("file") or ""), manifest
            altered = file.is_file() and file_fault(file, None, row.get("digest") or "")
            fault = "differs from its manifest, which is altered itself" if altered else None
        if fault:
            damage.append(Damage(file, fault, output, rule))
    return count, damage


def _split_last_line(content: bytes) -> tuple[bytes, bytes]:
    end = content.rfind(b"\n", 0, -1) + 1
    return content[:end], content[end:]


def _size(row: dict[str, str]) -> int | None:
    return int(row["bytes"]) if row["bytes"] else None


def file_fault(path: Path, size: int | None, digest: str) -> str | None:
    """What is wrong with a file that had this size in bytes and this SHA-256; None when nothing is.

    For a link that was made as such, the size is None and the digest is that of where it pointed.
    """
    # A folder that comes from a shared cache is made of links to its files.
    if path.is_symlink() and _link_digest(path) == digest:
        return None
    try:
        found = path.stat().st_size
        if size is not None and found < size:
            return f"truncated, {found} of {size} bytes are left"
        return None if digest_file(path) == digest else "altered, its content has another digest"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _files(output: Path) -> Iterator[Path]:
    """The file itself, or all files below a folder, sorted, without hidden ones."""
    if not output.is_dir():
        yield output
        return
    for folder, names, files in os.walk(output):
        names.sort()
        yield from (Path(folder, name) for name in sorted(files) if not name.startswith("."))


def _is_inner_link(file: Path, output: Path) -> bool:
    return file != output and file.is_symlink()


def _link_digest(link: Path) -> str:
    return _digest(os.readlink(link))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _study(manifest: Path) -> Path:
    return next(folder.parent for folder in manifest.parents if folder.name == FOLDER)
