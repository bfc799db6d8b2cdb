"""Manifests of jobs: what they hold, and what they find."""

import os
from pathlib import Path

import pandas as pd
import pytest

from snowdrift.runtime.digests import damage_error, find_damage, write_digests
from snowdrift.runtime.errors import SnowdriftError


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A table, and a folder with pictures, one of them a link, each the output of a job."""
    study = tmp_path / "results/tiny"
    (study / "snow/samples/deep").mkdir(parents=True)
    (study / "table.csv").write_text("a,b\n1,2\n")
    (study / "snow/samples/one.png").write_bytes(b"one")
    (study / "snow/samples/deep/two, or so.png").write_bytes(b"two")
    (study / "snow/samples/.snakemake_timestamp").touch()
    (tmp_path / "original.png").write_bytes(b"original")
    (study / "snow/samples/link.png").symlink_to("../../../../original.png")
    write_digests([study / "table.csv"], study / "digests/make_table.csv")
    write_digests([study / "snow/samples"], study / "digests/draw/0.csv")
    return study


def damage(study: Path) -> dict[str, str]:
    return {str(each.file.relative_to(study)): each.fault for each in find_damage(study, 2)[1]}


def test_a_manifest_lists_every_file_relative_to_the_study(study: Path):
    table = pd.read_csv(study / "digests/draw/0.csv")[:-1]
    assert table["file"].tolist() == [
        *("snow/samples/link.png", "snow/samples/one.png", "snow/samples/deep/two, or so.png")
    ]
    assert set(table["output"]) == {"snow/samples"}
    assert table["bytes"].tolist()[1:] == [3, 3]


def test_whole_results_are_whole(study: Path, reports: list):
    assert find_damage(study, 2) == (4, [])
    assert reports[-1].done == reports[-1].total == len(list((study / "digests").iterdir()))


def test_a_flip_of_any_byte_of_any_file_is_found(study: Path):
    files = [path for path in study.rglob("*") if path.is_file() and not path.is_symlink() and path.suffix]
    assert len(files) == 5
    for file in files:
        whole = file.read_bytes()
        for position in range(len(whole)):
            flipped = bytearray(whole)
            flipped[position] ^= 1
            file.write_bytes(flipped)
            assert str(file.relative_to(study)) in damage(study), (file, position)
        file.write_bytes(whole)
    assert damage(study) == {}


def test_what_is_gone_or_cut_is_named_as_such(study: Path):
    (study / "table.csv").write_text("a,b")
    (study / "snow/samples/one.png").unlink()
    assert damage(study) == {
        "table.csv": "truncated, 3 of 8 bytes are left",
        "snow/samples/one.png": "missing",
    }


def test_a_link_counts_by_where_it_points_and_its_content_belongs_to_another(study: Path, tmp_path: Path):
    (tmp_path / "original.png").write_bytes(b"another")
    assert damage(study) == {}
    link = study / "snow/samples/link.png"
    link.unlink()
    link.symlink_to("one.png")
    assert list(damage(study)) == ["snow/samples/link.png"]


def test_a_folder_from_a_shared_cache_counts_by_its_content(study: Path, tmp_path: Path):
    file = study / "snow/samples/one.png"
    os.replace(file, tmp_path / "cached")
    file.symlink_to(tmp_path / "cached")
    assert damage(study) == {}
    (tmp_path / "cached").write_bytes(b"two")
    assert list(damage(study)) == ["snow/samples/one.png"]


def test_a_damaged_manifest_hides_no_damage(study: Path):
    manifest = study / "digests/draw/0.csv"
    manifest.write_text(manifest.read_text().replace("deep/two", "deep/too"))
    (study / "snow/samples/one.png").write_bytes(b"owe")
    assert list(damage(study)) == ["digests/draw/0.csv", "snow/samples/one.png"]
    assert {each.output for each in find_damage(study, 2)[1]} == {manifest}


def test_the_error_names_the_files_and_what_to_make_again_rule_by_rule(study: Path):
    (study / "snow/samples/one.png").write_bytes(b"owe")
    (study / "table.csv").unlink()
    error = damage_error(find_damage(study, 2)[1], ["make_table", "draw"], " --configfile mine.yaml")
    assert f"{study}/snow/samples/one.png: altered" in error.message
    assert error.hint.splitlines()[1:] == [
        f"  rm -rf {study}/{output} && snakemake {study}/{output} --configfile mine.yaml"
        for output in ("table.csv", "snow/samples")
    ]


def test_a_study_without_manifests_has_nothing_to_verify(tmp_path: Path):
    with pytest.raises(SnowdriftError, match="there is no manifest"):
        find_damage(tmp_path, 1)
