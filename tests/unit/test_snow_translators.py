"""What every translator promises, and what is its own."""

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.resume import JobState
from snowdrift.settings.config import complete_config, load_schema
from snowdrift.snow import names, translators
from snowdrift.snow.networks.antialiased import AntialiasedGenerator
from snowdrift.snow.networks.resnet import ResnetGenerator, initialise
from snowdrift.snow.translator import Frame, Translator, load_translator
from snowdrift.snow.translators.cyclegan.weights import save_network
from snowdrift.snow.translators.matched import colours
from snowdrift.snow.translators.rendered import snow_cover
from snowdrift.snow.winterize import WinterSettings, winterize_shard

CPU = torch.device("cpu")
SCHEMA = load_schema(Path(__file__).parents[2] / "workflow/schemas/config.schema.yaml")
SIZES = [(64, 48), (64, 48), (31, 57), (120, 9), (9, 5)]
PROGRAM = """
import re
import sys
from pathlib import Path
from PIL import Image, ImageOps
for path in sorted(Path(sys.argv[1]).iterdir()):
    ImageOps.invert(Image.open(path)).save(Path(sys.argv[2]) / path.name)
"""


TRAINED = {"cyclegan": ResnetGenerator, "cut": AntialiasedGenerator}


class Half(nn.Module):
    """A network of the user's own."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return 0.5 * images + 0.25


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Of all sizes, from two videos."""
    paths = []
    for number, (width, height) in enumerate(SIZES):
        path = tmp_path / f"data/v{number % 2}/images/{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 200, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(path)
        paths.append(path)
    return paths


@pytest.fixture
def table(tmp_path: Path, pictures: list[Path]) -> pd.DataFrame:
    rows = []
    for path in pictures:
        width, height = Image.open(path).size
        image = path.relative_to(tmp_path / "data").as_posix()
        rows.append((image, path.parts[-3], image, width, height))
    return pd.DataFrame(rows, columns=["frame_id", "video", "image", "width", "height"])


@pytest.fixture
def style(tmp_path: Path) -> list[Path]:
    paths = []
    for number in range(3):
        paths.append(tmp_path / f"style{number}.png")
        pixels = np.random.default_rng([9, number]).normal(215 - 10 * number, 12, (20, 30, 3))
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(paths[-1])
    return paths


def sections(folder: Path) -> dict[str, dict]:
    """A config section for every translator, with what it loads in the folder."""
    torch.jit.script(Half()).save(folder / "half.pt")
    (folder / "program.py").write_text(PROGRAM)
    return {
        "cyclegan": {},
        "cut": {},
        "matched": {"least": 0.5, "most": 1.0},
        "rendered": {"least": 0.5, "most": 1.0},
        "network": {"weights": str(folder / "half.pt")},
        "command": {"run": f"{sys.executable} {folder}/program.py {{input}} {{output}}", "batch": 2},
    }


def made(name: str, folder: Path, style: list[Path], seed: int = 0, **changes) -> Translator:
    """A translator that has learned, been saved, and read again."""
    kind = load_translator(name)
    section = sections(folder)[name] | changes
    file = folder / f"{name}.pth"
    if name in TRAINED:
        network = TRAINED[name](4, 1)
        initialise(network, torch.Generator().manual_seed(seed))
        save_network(network, file)
    else:
        first = kind.from_config(section, seed)
        first.fit(style)
        first.save(file)
    translator = kind.from_config(section, seed)
    translator.load(file)
    return translator


def shard(translator: Translator, table: pd.DataFrame, folder: Path, name: str = "a", **more) -> pd.DataFrame:
    manifest = folder / name / "shards/0.parquet"
    options = {"device": CPU, "threads": 2, "state": JobState(folder / name / "state", "key")} | more
    settings = WinterSettings("native", "png", 95, 2)
    winterize_shard(table, translator, settings, root=folder / "data", manifest=manifest, **options)
    return pd.read_parquet(manifest)


@pytest.mark.parametrize("name", names.translator_modules())
class TestEveryTranslator:
    """One class for all: whoever adds a translator gives it a section above."""

    def test_it_keeps_sizes_and_names_of_frames_of_any_shape(self, name, tmp_path, table, style):
        manifest = shard(made(name, tmp_path, style), table, tmp_path)
        assert manifest["frame_id"].tolist() == table["frame_id"].tolist()
        assert manifest[["width", "height"]].to_numpy().tolist() == [[*size] for size in SIZES]
        for image, size in zip(manifest["image"], SIZES, strict=True):
            assert Image.open(tmp_path / "a/frames" / image).size == size
        assert manifest["image"].tolist() == table["image"].tolist()

    def test_it_changes_pictures_and_does_so_again_alike(self, name, tmp_path, table, style, pictures):
        first = shard(made(name, tmp_path, style), table, tmp_path, "a")
        again = shard(made(name, tmp_path, style), table, tmp_path, "b", threads=1)
        pd.testing.assert_frame_equal(first, again)
        changed = [
            np.abs(
                np.asarray(Image.open(tmp_path / "a/frames" / image), int) - np.asarray(Image.open(path), int)
            ).mean()
            for image, path in zip(first["image"], pictures, strict=True)
        ]
        assert min(changed) > 1

    def test_it_goes_on_where_it_was_killed(self, name, tmp_path, table, style, monkeypatch):
        straight = shard(made(name, tmp_path, style), table, tmp_path, "a")
        translator = made(name, tmp_path, style)
        start, calls = translator.start, []

        def dies_at_the_third(device):
            translate = start(device)

            def make(batch, frames):
                calls.append(len(batch))
                if len(calls) == 3:
                    raise InterruptedError("killed")
                return translate(batch, frames)

            return make

        monkeypatch.setattr(translator, "start", dies_at_the_third)
        with pytest.raises(InterruptedError):
            shard(translator, table, tmp_path, "b", threads=1)
        before = len(calls)
        pd.testing.assert_frame_equal(shard(translator, table, tmp_path, "b", threads=1), straight)
        assert sum(calls[before:]) < len(table), "what was finished is kept"

    def test_a_file_of_another_kind_is_refused(self, name, tmp_path, style):
        translator = made(name, tmp_path, style)
        (tmp_path / "none.pth").write_bytes(b"nothing")
        with pytest.raises(SnowdriftError, match=r"none\.pth"):
            translator.load(tmp_path / "none.pth")


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path), float)


def translated(
    translator: Translator, picture: Image.Image, video: str = "v", frame: str = "f"
) -> np.ndarray:
    return np.asarray(translator.start(CPU)([picture], [Frame(frame, video)])[0], float)


def test_matched_pictures_have_the_colours_of_one_style_picture_for_each_video(tmp_path, style):
    translator = made("matched", tmp_path, style, least=1.0, most=1.0)
    random = np.random.default_rng(0)
    frames = [Image.fromarray(random.normal(90, 9, (60, 80, 3)).astype(np.uint8)) for _ in range(2)]
    targets = [colours(np.asarray(Image.open(path), float)) for path in style]
    drawn = set()
    for video in "abcdefgh":
        found = [colours(translated(translator, frame, video)) for frame in frames]
        near = [int(np.argmin([np.abs(one[0] - mean).max() for mean, _ in targets])) for one in found]
        assert near[0] == near[1], "one style picture for all frames of a video"
        mean, covariance = targets[near[0]]
        assert np.abs(found[0][0] - mean).max() < 1.5 and np.allclose(found[0][1], covariance, atol=12)
        drawn.add(near[0])
    assert len(drawn) > 1


def test_half_a_strength_goes_half_the_way(tmp_path, style):
    picture = Image.fromarray(np.random.default_rng(0).normal(90, 9, (60, 80, 3)).astype(np.uint8))
    whole = translated(made("matched", tmp_path, style[:1], least=1.0, most=1.0), picture)
    half = translated(made("matched", tmp_path, style[:1], least=0.5, most=0.5), picture)
    within = (whole > 0) & (whole < 255)
    assert within.mean() > 0.9 and np.abs(half - (np.asarray(picture, float) + whole) / 2)[within].max() <= 1


def test_rendered_snow_lies_below_and_moves_only_in_its_flakes(tmp_path, style):
    translator = made("rendered", tmp_path, style, least=1.0, most=1.0)
    picture = Image.new("RGB", (160, 120), (70, 90, 60))
    one, other = (translated(translator, picture, frame=frame) for frame in "ab")
    assert one[90:].mean() > 180 > one[:20].mean() + 20
    moved = np.abs(one - other).max(2)
    assert 0 < (moved > 8).mean() < 0.5, "flakes fall, the ground stays"
    assert np.abs(translated(translator, picture, "other video") - one).mean() > 2
    cover = snow_cover(np.full((120, 160), 0.3, np.float32))
    assert cover[110].min() > 0.9 and cover[5].max() < 0.1


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Upsample(scale_factor=2), r"gives \(1, 3, 128, 192\)"),
        (nn.Conv2d(1, 3, 1), "fails on"),
        (nn.Threshold(9.0, float("nan")), "not finite"),
    ],
)
def test_a_network_that_does_not_fit_is_refused_before_thousands_wait(tmp_path, style, network, message):
    torch.jit.trace(network, torch.zeros(1, 1 if "fails" in message else 3, 64, 96), check_trace=False).save(
        tmp_path / "n.pt"
    )
    with pytest.raises(SnowdriftError, match=message):
        load_translator("network").from_config({"weights": str(tmp_path / "n.pt")}, 0).fit(style)


def test_an_onnx_network_gives_what_its_torch_original_gives(tmp_path, style, pictures):
    axes = {"images": {2: "height", 3: "width"}, "winter": {2: "height", 3: "width"}}
    names_of = {"input_names": ["images"], "output_names": ["winter"], "dynamic_axes": axes}
    torch.onnx.export(Half(), torch.zeros(1, 3, 8, 8), tmp_path / "half.onnx", dynamo=False, **names_of)
    both = [
        made("network", tmp_path, style, weights=str(tmp_path / file)) for file in ("half.pt", "half.onnx")
    ]
    for path in pictures:
        one, other = (translated(each, Image.open(path)) for each in both)
        assert np.abs(one - other).max() <= 1


def test_a_network_that_changed_after_it_was_tried_is_refused(tmp_path, style):
    made("network", tmp_path, style)
    torch.jit.script(nn.Identity()).save(tmp_path / "half.pt")
    translator = load_translator("network").from_config({"weights": str(tmp_path / "half.pt")}, 0)
    with pytest.raises(SnowdriftError, match="has changed since it was tried"):
        translator.load(tmp_path / "network.pth")


FAULTS = {
    "drops a frame": ("if path.name.startswith('000001'): continue", "gave no picture for 000001_"),
    "renames one": (
        "path = path.with_name('x' + path.name) if '000000' in path.name else path",
        "gave no picture for 000000_",
    ),
    "changes a size": ("picture = picture.resize((5, 5))", "with 5x5 pixels; expected 64x48"),
    "writes garbage": ("(Path(sys.argv[2]) / path.name).write_bytes(b'x'); continue", "that is no picture"),
    "dies": ("sys.exit('out of snow')", "ended with status 1: out of snow"),
    "gives more": ("picture.save(Path(sys.argv[2]) / 'more.png')", "gave more.png, which it was not given"),
    "gives two": (
        "picture.convert('RGB').save(Path(sys.argv[2]) / (path.stem + '.jpg'))",
        "expected one picture",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_program_that_fails_is_named_and_the_run_goes_on_when_it_is_mended(fault, tmp_path, table, style):
    line, message = FAULTS[fault]
    whole = [made("command", tmp_path, style)]
    straight = shard(whole[0], table, tmp_path, "whole")
    program = f"""
import re
import sys
from pathlib import Path
from PIL import Image, ImageOps
for path in sorted(Path(sys.argv[1]).iterdir()):
    picture = ImageOps.invert(Image.open(path))
    {line}
    picture.save(Path(sys.argv[2]) / path.name)
"""
    translator = made("command", tmp_path, style)
    (tmp_path / "program.py").write_text(program)
    with pytest.raises(SnowdriftError, match=r"command\.run") as caught:
        shard(translator, table, tmp_path, "mended", threads=1)
    assert message in caught.value.message and "finished batches are kept" in caught.value.hint
    (tmp_path / "program.py").write_text(PROGRAM)
    pd.testing.assert_frame_equal(shard(translator, table, tmp_path, "mended", threads=1), straight)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"run": "mine {input}"}, "has no {output}"),
        ({"run": "mine {input} {output} {gpu}"}, "has {gpu}"),
        ({"run": "mine {input} {output} {weights}"}, "command.weights is None"),
        ({"run": "mine {input} {output}", "batch": 0}, "expected at least 1"),
        ({"run": 3}, "expected str"),
        ({}, "`run` is missing"),
    ],
)
def test_a_command_line_that_cannot_work_is_refused(section, message):
    with pytest.raises(SnowdriftError, match="command") as caught:
        load_translator("command").from_config(section, 0)
    assert message in caught.value.message


def test_a_program_that_is_not_there_is_named(tmp_path, style, table):
    translator = made("command", tmp_path, style, run="no/such/program {input} {output}")
    with pytest.raises(SnowdriftError, match=r"no/such/program, on 2 frames from v0/images/0\.png"):
        shard(translator, table, tmp_path)


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """A folder in the place of `translators/`, for files of a test's own."""
    folder = tmp_path / "translators"
    folder.mkdir()
    monkeypatch.setattr(names, "_FOLDER", folder)
    monkeypatch.setattr(translators, "__path__", [str(folder)])
    names.translator_modules.cache_clear()
    yield folder
    names.translator_modules.cache_clear()


def test_one_file_makes_a_translator(own_folder):
    (own_folder / "fog.py").write_text("")
    (own_folder / "_helper.py").write_text("")
    (own_folder / "storm").mkdir()
    (own_folder / "storm/translator.py").write_text("")
    (own_folder / "cyclegan.py").write_text("")
    found = names.translator_modules()
    assert list(found) == ["cyclegan", "fog", "storm"]
    assert found["storm"] == "snow/translators/storm/translator"


def test_the_translator_of_the_guide_is_one(own_folder, tmp_path, table, style, monkeypatch):
    guide = (Path(__file__).parents[2] / "docs/bring-your-own.md").read_text()
    (block,) = [
        part for part in re.findall(r"```python\n(.*?)```", guide, re.DOTALL) if "FogTranslator" in part
    ]
    (own_folder / "fog.py").write_text(block)
    (own_folder / "cyclegan.py").write_text("")  # which every study has
    config = complete_config({"translators": ["fog"], "fog": {"most": 0.5}}, SCHEMA)
    assert names.used_translators(config) == ["cyclegan", "fog"]
    kind = load_translator("fog")
    translator = kind.from_config(config["fog"], seed=0)
    translator.fit(style)
    translator.save(tmp_path / "fog.pth")
    translator.load(tmp_path / "fog.pth")
    assert len(shard(translator, table, tmp_path)) == len(table)
    with pytest.raises(SnowdriftError, match="`most` is missing, `moist` is unknown"):
        kind.from_config({"moist": 0.5}, seed=0)
    with pytest.raises(SnowdriftError, match="no such section"):
        complete_config({"translators": ["fog"]}, SCHEMA)


def test_a_translator_that_is_not_there_is_named():
    with pytest.raises(SnowdriftError, match="there is no translator fog") as caught:
        load_translator("fog")
    assert "matched" in caught.value.hint
