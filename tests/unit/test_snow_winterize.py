"""Winter frames: sizes, names, pixels, manifests, and the damage that verify finds."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import digest_file
from snowdrift.runtime.resume import JobState
from snowdrift.snow import translator as interface
from snowdrift.snow import winterize
from snowdrift.snow.networks.inference import MIN_PSNR, translate
from snowdrift.snow.networks.resnet import ResnetGenerator, initialise
from snowdrift.snow.translators.cyclegan.translator import CycleGANTranslator
from snowdrift.snow.verify import find_winter_damage
from snowdrift.snow.winterize import WinterSettings, shard_frames, winterize_shard

PNG = WinterSettings(size="native", format="png", quality=95, batch_size=2)
MANIFEST, WINTER = "snow/cyclegan/shards/0.parquet", "snow/cyclegan/frames"
SIZES = [(112, 96), (112, 96), (112, 96), (50, 33), (61, 47)]


@pytest.fixture
def generator() -> ResnetGenerator:
    network = ResnetGenerator(16, 2)  # wide enough for all ways to convolve
    initialise(network, torch.Generator().manual_seed(0))
    with torch.no_grad():  # away from flat grey, so that a shift by a pixel would show
        network.model[-2].weight.mul_(20)
    return network.eval()


@pytest.fixture
def frames(tmp_path: Path) -> pd.DataFrame:
    rows = []
    for index, (width, height) in enumerate(SIZES):
        video = f"GOPR000{index // 3}"
        image = f"{video}/images/{video}_{index:05d}.jpg"
        path = tmp_path / "frames" / image
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(index).integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, quality=95)
        rows.append(
            {
                "frame_id": f"{video}/{path.stem}",
                "video": video,
                "image": image,
                "width": width,
                "height": height,
            }
        )
    return pd.DataFrame(rows)


def as_translator(generator: ResnetGenerator) -> CycleGANTranslator:
    translator = CycleGANTranslator.from_config({}, seed=0)
    translator.network = generator
    return translator


def run(
    tmp_path: Path,
    frames: pd.DataFrame,
    generator: ResnetGenerator,
    settings: WinterSettings,
    threads: int = 1,
) -> pd.DataFrame:
    winterize_shard(
        frames,
        as_translator(generator),
        settings,
        root=tmp_path / "frames",
        manifest=tmp_path / MANIFEST,
        state=JobState(tmp_path / "state", str(settings)),
        device=torch.device("cpu"),
        threads=threads,
    )
    return pd.read_parquet(tmp_path / MANIFEST)


def test_names_folders_and_sizes_are_the_originals(
    tmp_path: Path, frames: pd.DataFrame, generator: ResnetGenerator
):
    for settings in (PNG, WinterSettings("native", "jpeg", 90, 1), WinterSettings(24, "jpeg", 90, 4)):
        manifest = run(tmp_path, frames, generator, settings)
        assert manifest["frame_id"].tolist() == frames["frame_id"].tolist()
        expected = (
            frames["image"] if settings.format == "jpeg" else frames["image"].str.replace(".jpg", ".png")
        )
        assert manifest["image"].tolist() == expected.tolist()
        for row, size in zip(manifest.itertuples(), SIZES, strict=True):
            path = tmp_path / WINTER / row.image
            assert Image.open(path).size == (row.width, row.height) == size
            assert digest_file(path) == row.digest
        # Another format leaves nothing of the earlier one behind.
        assert sum(path.is_file() for path in (tmp_path / WINTER).rglob("*")) == len(SIZES)


def test_png_pixels_are_the_generators_whatever_the_batch(
    tmp_path: Path, frames: pd.DataFrame, generator: ResnetGenerator
):
    run(tmp_path, frames, generator, PNG)
    for row in frames[:3].itertuples():
        pixels = np.array(Image.open(tmp_path / "frames" / row.image), dtype=np.float32)
        image = torch.from_numpy(pixels / 255).permute(2, 0, 1)[None]
        with torch.no_grad():
            expected = (generator((image - 0.5) / 0.5)[0].permute(1, 2, 0).numpy() + 1) / 2 * 255
        winter = np.array(Image.open(tmp_path / WINTER / row.image.replace(".jpg", ".png"))).astype(int)
        difference = np.abs(winter - expected.astype(np.uint8))
        assert difference.max() <= 1
        assert (difference == 0).mean() > 0.99


def test_frames_are_the_same_bytes_however_many_threads(
    tmp_path: Path, frames: pd.DataFrame, generator: ResnetGenerator
):
    settings = WinterSettings(40, "jpeg", 90, 1)
    alone = run(tmp_path, frames, generator, settings)
    shutil.rmtree(tmp_path / WINTER)
    shutil.rmtree(tmp_path / "state")
    pd.testing.assert_frame_equal(run(tmp_path, frames, generator, settings, threads=3), alone)
    assert faults(tmp_path) == {}


def test_the_path_of_a_gpu_makes_the_same_frames_in_batches(
    tmp_path: Path, frames: pd.DataFrame, generator: ResnetGenerator, monkeypatch: pytest.MonkeyPatch
):
    """On the CPU, where it computes in 16 bits too, but records no graph."""
    expected = run(tmp_path, frames, generator, PNG)
    pixels = [np.array(Image.open(tmp_path / WINTER / image)).astype(int) for image in expected["image"]]
    shutil.rmtree(tmp_path / WINTER)
    sizes = []

    def as_on_a_gpu(shard, device, batches, threads):
        def counted():
            for batch in batches:
                sizes.append(len(batch))
                yield batch

        return shard.in_batches(device, counted(), threads)

    monkeypatch.setattr(winterize._Shard, "in_threads", as_on_a_gpu)
    one_by_one = winterize._equal_size_batches
    monkeypatch.setattr(
        winterize, "_equal_size_batches", lambda frames, _: one_by_one(frames, PNG.batch_size)
    )
    shutil.rmtree(tmp_path / "state")
    manifest = run(tmp_path, frames, generator, PNG, threads=2)
    assert sizes == [2, 1, 1, 1]
    assert faults(tmp_path) == {}
    assert manifest["frame_id"].tolist() == expected["frame_id"].tolist()
    for image, levels in zip(manifest["image"], pixels, strict=True):
        error = np.array(Image.open(tmp_path / WINTER / image)) - levels
        assert 10 * np.log10(255**2 / np.square(error).mean()) > MIN_PSNR


def test_padding_is_cropped_back_in_place(generator: ResnetGenerator):
    image = torch.rand(1, 3, 40, 44) * 2 - 1
    whole = translate(generator, image)
    assert torch.equal(whole, generator(image))
    odd = translate(generator, image[..., :37, :41])
    assert odd.shape == (1, 3, 37, 41)
    # The part far from the padded edge stays where it was; instance norm lets the rest differ a little.
    assert (odd[..., :20, :20] - whole[..., :20, :20]).abs().mean() < 0.2 * whole.std()


def test_shards_cover_every_frame_once():
    table = pd.DataFrame({"frame_id": range(294_713)})
    parts = [shard_frames(table, shard, 64) for shard in range(64)]
    assert pd.concat(parts)["frame_id"].tolist() == table["frame_id"].tolist()
    assert {len(part) for part in parts} == {4604, 4605}
    assert [len(shard_frames(table[:2], shard, 4)) for shard in range(4)].count(1) == 2


def test_an_empty_shard_has_an_empty_manifest(
    tmp_path: Path, frames: pd.DataFrame, generator: ResnetGenerator
):
    manifest = run(tmp_path, frames[:0], generator, PNG)
    assert manifest.empty
    assert list(manifest) == ["frame_id", "image", "digest", "bytes", "width", "height"]


def faults(folder: Path) -> dict[str, str]:
    """The damaged frames of the one shard, each with its fault."""
    count, damage = find_winter_damage([folder / MANIFEST], 2)
    assert count == len(pd.read_parquet(folder / MANIFEST))
    assert {(each.output, each.rule) for each in damage} <= {(folder / MANIFEST, "winterize_shard")}
    return {each.file.relative_to(folder / WINTER).as_posix(): each.fault for each in damage}


def test_verify_names_each_damaged_frame_and_its_fault(
    tmp_path: Path, frames: pd.DataFrame, generator: ResnetGenerator, reports: list
):
    manifest = run(tmp_path, frames[:4], generator, PNG)
    assert reports[-1][:4] == ("translating", 4, 4, "frames")
    assert faults(tmp_path) == {}
    assert reports[-1][:4] == ("reading winter frames", 4, 4, "frames")
    paths = [tmp_path / WINTER / image for image in manifest["image"]]
    paths[0].unlink()
    paths[1].write_bytes(paths[1].read_bytes()[:-10])
    flipped = bytearray(paths[2].read_bytes())
    flipped[len(flipped) // 2] ^= 1
    paths[2].write_bytes(flipped)
    found = faults(tmp_path)
    assert list(found) == manifest["image"][:3].tolist()
    kinds = ["missing", "truncated", "altered"]
    assert all(fault.startswith(kind) for fault, kind in zip(found.values(), kinds, strict=True))


def test_a_frame_that_broke_since_the_index_is_named(
    tmp_path: Path, frames: pd.DataFrame, generator: ResnetGenerator
):
    (tmp_path / "frames" / frames["image"][3]).write_bytes(b"")
    with pytest.raises(SnowdriftError, match=r"GOPR0001_00003\.jpg: cannot be read as a picture"):
        run(tmp_path, frames, generator, PNG)
    assert not (tmp_path / MANIFEST).exists()


def count_translated(monkeypatch: pytest.MonkeyPatch, most: int = 99) -> list[int]:
    """The sizes of the batches that go through the network, of which the one after `most` raises."""
    sizes: list[int] = []

    def counted(generator, images):
        if len(sizes) == most:
            raise InterruptedError("killed")
        sizes.append(len(images))
        return translate(generator, images)

    monkeypatch.setattr(interface, "translate", counted)
    return sizes


def test_a_killed_shard_goes_on_and_ends_with_the_same_frames(
    tmp_path: Path, frames: pd.DataFrame, generator: ResnetGenerator, monkeypatch: pytest.MonkeyPatch
):
    straight = run(tmp_path, frames, generator, PNG)
    shutil.rmtree(tmp_path / WINTER)
    shutil.rmtree(tmp_path / "state")
    count_translated(monkeypatch, most=3)
    with pytest.raises(InterruptedError):
        run(tmp_path, frames, generator, PNG)
    # Frames go one by one on the CPU.
    names = ["GOPR0000_00000.png", "GOPR0000_00001.png", "GOPR0000_00002.png"]
    kept = [tmp_path / WINTER / "GOPR0000/images" / name for name in names]
    times = [path.stat().st_mtime_ns for path in kept]
    sizes = count_translated(monkeypatch)
    pd.testing.assert_frame_equal(run(tmp_path, frames, generator, PNG), straight)
    assert sizes == [1, 1]
    assert [path.stat().st_mtime_ns for path in kept] == times
    assert faults(tmp_path) == {}


def test_a_frame_that_was_damaged_between_kill_and_resume_is_made_again(
    tmp_path: Path, frames: pd.DataFrame, generator: ResnetGenerator, monkeypatch: pytest.MonkeyPatch
):
    straight = run(tmp_path, frames, generator, PNG)
    (tmp_path / WINTER / straight["image"][1]).write_bytes(b"damaged")
    (tmp_path / WINTER / straight["image"][4]).unlink()
    sizes = count_translated(monkeypatch)
    pd.testing.assert_frame_equal(run(tmp_path, frames, generator, PNG), straight)
    assert sizes == [1, 1]
    assert faults(tmp_path) == {}


def test_other_settings_keep_no_frame(
    tmp_path: Path, frames: pd.DataFrame, generator: ResnetGenerator, monkeypatch: pytest.MonkeyPatch
):
    run(tmp_path, frames, generator, WinterSettings("native", "jpeg", 90, 2))
    sizes = count_translated(monkeypatch)
    run(tmp_path, frames, generator, WinterSettings("native", "jpeg", 80, 2))
    assert sum(sizes) == len(frames)
