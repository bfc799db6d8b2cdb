"""Datasets in the layout that Ultralytics reads, made of links to the pictures and freshly written labels.

Ultralytics finds the label of `images/a/b.jpg` at `labels/a/b.txt`, taking the last `/images/` of the path.
"""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from snowdrift.data.sets import ORIGINAL, TRUE_WINTER
from snowdrift.data.tables import translator_of, winter_folder
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import atomic_folder, read_table, write_table

_JPEG_START = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"


@dataclass(frozen=True)
class Pictures:
    """Every frame's boxes, and its pictures from each source.

    Attributes:
        frames: The frame table, with those of true winter below, and a column `origin`: `original` or `true_winter`.
            The ids of true winter begin with `true_winter/`, since its videos may have the names of others.
        boxes: The box table, in fractions of the frame.
        roots: Folder of each source's pictures: `original`, the translators if there are winter frames, and
            `true_winter` if there is any.
        images: Columns frame_id, source, image (path below the source's root), digest and cached: the file that
            holds it at the detectors' size, or nothing.
        class_names: Names of the classes, in the order of their ids.
    """

    frames: pd.DataFrame
    boxes: pd.DataFrame
    roots: Mapping[str, Path]
    images: pd.DataFrame
    class_names: Sequence[str]

    def locate(self, selection: pd.DataFrame) -> pd.DataFrame:
        """Add `image` (below the root), `picture` (the file, existing) and `cached` to rows of frame_id and source.

        Raises:
            SnowdriftError: A frame has no winter version in the manifests, or a file that they name is not there.
        """
        located = selection.merge(self.images, on=["frame_id", "source"], how="left", validate="one_to_one")
        unknown = located.loc[located["image"].isna(), "frame_id"]
        if len(unknown):
            raise SnowdriftError(
                f"{len(unknown)} frames have no winter version in the manifests, first {unknown.iloc[0]}",
                "run `snakemake snow` again: it makes the missing winter frames",
            )
        pairs = zip(located["source"], located["image"], strict=True)
        located["picture"] = [str(Path(self.roots[source]) / image) for source, image in pairs]
        for source, picture in zip(located["source"], located["picture"], strict=True):
            if not os.path.isfile(picture):
                raise _missing(source, picture)
        for cached in located["cached"].dropna():
            if not os.path.isfile(cached):
                raise SnowdriftError(
                    f"{cached}: this frame at the detectors' size is not there",
                    "target `verify` (with your --configfile) finds all damaged ones",
                )
        return located


def read_pictures(
    frames: Path | str,
    boxes: Path | str,
    root: Path | str,
    class_names: Sequence[str],
    manifests: Iterable[Path | str] = (),
    true_winter: Sequence[Path | str] = (),
    true_winter_root: Path | str | None = None,
    cached: Iterable[Path | str] = (),
) -> Pictures:
    """Read the frame table, the box table and the manifests of the winter frames.

    Args:
        frames: data/frames.parquet.
        boxes: data/boxes.parquet.
        root: Folder that `image` of the frame table is relative to.
        class_names: Names of the classes, in the order of their ids.
        manifests: The shard manifests of the winter frames of one translator or several; none where only original
            frames are needed.
        true_winter: The frame table and the box table of true winter; none where it is not needed.
        true_winter_root: Folder that `image` of its frame table is relative to.
        cached: The manifests of `cache.cache_frames`, of the sources that there are; none without the cache.
    """
    table = read_table(frames).assign(origin=ORIGINAL)
    columns = ["frame_id", "image", "digest"]
    parts = [table[columns].assign(source=ORIGINAL)]
    manifests = list(manifests)
    parts += [read_table(path)[columns].assign(source=translator_of(path)) for path in manifests]
    roots = {ORIGINAL: root, TRUE_WINTER: true_winter_root}
    roots |= {translator_of(path): winter_folder(path) for path in manifests}
    if true_winter:
        true_frames = with_own_ids(read_table(true_winter[0])).assign(origin=TRUE_WINTER)
        parts.append(true_frames[columns].assign(source=TRUE_WINTER))
        table = pd.concat([table, true_frames], ignore_index=True)
    images = pd.concat(parts, ignore_index=True)
    return Pictures(
        table,
        read_boxes(boxes, true_winter),
        {source: Path(folder) for source, folder in roots.items() if folder is not None},
        images.merge(_read_cached(cached), on=["frame_id", "source"], how="left", validate="one_to_one"),
        list(class_names),
    )


def _read_cached(manifests: Iterable[Path | str]) -> pd.DataFrame:
    """Columns frame_id, source and cached, the file."""
    parts = [pd.DataFrame(columns=["frame_id", "source", "cached"], dtype=str)]
    for path in manifests:
        table, source = read_table(path), translator_of(path)
        files = [str(winter_folder(path) / image) for image in table["image"]]
        part = table[["frame_id"]].assign(source=source, cached=files)
        parts.append(with_own_ids(part) if source == TRUE_WINTER else part)
    return pd.concat(parts, ignore_index=True)


def read_boxes(boxes: Path | str, true_winter: Sequence[Path | str] = ()) -> pd.DataFrame:
    """The box table with that of true winter below; the arguments are those of `read_pictures`."""
    tables = [read_table(boxes), *(with_own_ids(read_table(path)) for path in true_winter[1:])]
    return pd.concat(tables, ignore_index=True)


def with_own_ids(table: pd.DataFrame) -> pd.DataFrame:
    """A table of true winter whose frame ids no other frame has."""
    return table.assign(frame_id=TRUE_WINTER + "/" + table["frame_id"].astype(str))


def write_dataset(folder: Path | str, pictures: Pictures, selections: Mapping[str, pd.DataFrame]) -> None:
    """Write one dataset, replacing what lies at `folder`; the folder appears whole or not at all.

    It holds `images/<split>/<video>_<source>/<name>` (links; `<stem>.npy` is one to the frame at the detectors' size,
    which Ultralytics reads in its place), `labels/<split>/<video>_<source>/<stem>.txt`,
    `data.yaml` and `frames.csv` (frame_id, split, source, image, and the picture's digest). A frame without
    boxes has an empty label file. `data.yaml` names no folder, so Ultralytics looks beside it, whatever the
    current directory.

    A link is relative where its root was given as a relative path, so that a project can be moved as a whole,
    and absolute otherwise. A JPEG file with bytes after its end marker is copied, not linked: Ultralytics
    takes it for corrupt and rewrites it, which must not happen to a user's picture.

    Args:
        folder: Where the dataset will lie.
        pictures: The pictures to choose from.
        selections: For each split, the pictures in it (frame_id, video, source), as the functions
            of `domains` give them.

    Raises:
        SnowdriftError: A picture is missing, two would get the same name, or a split has no box.
    """
    for split, chosen in selections.items():
        _require_boxes(pictures, chosen, split)
    parts = [pictures.locate(chosen).assign(split=split) for split, chosen in selections.items()]
    table = pd.concat(parts, ignore_index=True)
    table["image"] = [_tree_path(row) for row in table.itertuples()]
    _refuse_equal_names(table)
    with atomic_folder(folder) as temporary:
        _write_links(temporary, table, pictures.roots)
        _write_labels(temporary, table, pictures.boxes)
        write_table(table[["frame_id", "split", "source", "image", "digest"]], temporary / "frames.csv")
        splits = {split: f"images/{split}" for split in selections}
        # Ultralytics insists on both keys, also in a dataset that is only tested on.
        required = dict.fromkeys(("train", "val"), next(iter(splits.values())))
        content = {**required, **splits, "names": dict(enumerate(pictures.class_names))}
        (temporary / "data.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def list_files(folder: Path | str) -> tuple[list[Path], list[Path]]:
    """What a dataset of `write_dataset` consists of: its tables and labels, and its pictures."""
    folder = Path(folder)
    texts = [folder / "data.yaml", folder / "frames.csv", *sorted(folder.glob("labels/*/*/*.txt"))]
    # The arrays are the pictures again, so a training that began without them goes on with them.
    pictures = (path for path in folder.glob("images/*/*/*") if path.suffix != ".npy")
    return texts, sorted(pictures)


def lost_pictures(dataset_frames: pd.DataFrame, split: str, found: Iterable[str]) -> list[str]:
    """The pictures of a split (`image` of frames.csv) that are not among the `found` paths of the dataset."""
    expected = dataset_frames.loc[dataset_frames["split"] == split, "image"]
    present = {Path(path).parts[-2:] for path in found}
    return [image for image in expected if Path(image).parts[-2:] not in present]


def _require_boxes(pictures: Pictures, selection: pd.DataFrame, split: str) -> None:
    if not selection["frame_id"].isin(pictures.boxes["frame_id"]).any():
        raise SnowdriftError(
            f"splits.{split}: none of its {len(selection)} frames has a box",
            "check the annotations of these videos, and data.class_names",
        )


def _tree_path(row: Any) -> str:
    # The suffix keeps the two versions of a video apart, and a video called `images` out of the label rule.
    folder = f"{row.video.replace('/', '-')}_{row.source}"
    return f"images/{row.split}/{folder}/{Path(row.picture).name}"


def _refuse_equal_names(table: pd.DataFrame) -> None:
    # Labels are found by the stem alone, so a.jpg and a.png cannot live in one folder.
    clash = table[table["image"].str.replace(r"\.[^./]*$", "", regex=True).duplicated(keep=False)]
    if len(clash):
        first, second = clash["picture"].iloc[:2]
        raise SnowdriftError(
            f"{first} and {second} would get the same label file",
            "rename one of the two frames, or their videos",
        )


def _write_links(folder: Path, table: pd.DataFrame, roots: Mapping[str, Path]) -> None:
    for parent in sorted({Path(image).parent for image in table["image"]}):
        (folder / parent).mkdir(parents=True)
    relative = {source: not Path(root).is_absolute() for source, root in roots.items()}
    columns = (table[name] for name in ("source", "image", "picture", "cached"))
    for source, image, picture, cached in zip(*columns, strict=True):
        link = folder / image
        if _has_bytes_after_end(picture):
            _copy_ending_well(picture, link)
        else:
            _link(link, picture, relative=relative[source])
        if isinstance(cached, str):
            _link(link.with_suffix(".npy"), cached, relative=not os.path.isabs(cached))


def _link(link: Path, file: str, *, relative: bool) -> None:
    # Where a folder on the way is a link, a step up does not lead back.
    target = (os.path.realpath if ".." in Path(file).parts else os.path.abspath)(file)
    os.symlink(os.path.relpath(target, os.path.realpath(link.parent)) if relative else target, link)


def _has_bytes_after_end(picture: str) -> bool:
    with open(picture, "rb") as stream:
        if stream.read(2) != _JPEG_START:
            return False
        stream.seek(-2, os.SEEK_END)
        return stream.read() != _JPEG_END


def _copy_ending_well(picture: str, copy: Path) -> None:
    # Decoders stop at the first end marker, so one more changes no pixel.
    shutil.copyfile(picture, copy)
    with open(copy, "ab") as stream:
        stream.write(_JPEG_END)


def _write_labels(folder: Path, table: pd.DataFrame, boxes: pd.DataFrame) -> None:
    columns = ["frame_id", "class_id", "x_center", "y_center", "box_width", "box_height"]
    wanted = boxes.loc[boxes["frame_id"].isin(table["frame_id"]), columns]
    lines: dict[str, list[str]] = {}
    for frame_id, class_id, *box in wanted.itertuples(index=False):
        lines.setdefault(frame_id, []).append(
            f"{class_id} " + " ".join(f"{value:.6f}" for value in box) + "\n"
        )
    labels = [Path("labels", *Path(image).with_suffix(".txt").parts[1:]) for image in table["image"]]
    for parent in sorted({label.parent for label in labels}):
        (folder / parent).mkdir(parents=True)
    for frame_id, label in zip(table["frame_id"], labels, strict=True):
        (folder / label).write_text("".join(lines.get(frame_id, [])), encoding="utf-8")


def _missing(source: str, picture: str) -> SnowdriftError:
    if source not in (ORIGINAL, TRUE_WINTER):
        return SnowdriftError(
            f"{picture}: this winter frame is not there",
            "target `verify` (with your --configfile) finds all damaged winter frames",
        )
    return SnowdriftError(
        f"{picture}: this frame is in the frame table, but not there",
        "put the file back, or run again, which lists the frames again",
    )
