"""The training step, its parts, and a whole small training."""

import multiprocessing
import random
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.results import remove_finished
from snowdrift.runtime.resume import JobState
from snowdrift.runtime.seeds import derive_seed
from snowdrift.snow.networks.resnet import ResnetGenerator, initialise
from snowdrift.snow.pixels import to_picture, to_tensor
from snowdrift.snow.translators.cyclegan.pool import ImagePool
from snowdrift.snow.translators.cyclegan.training import CycleGAN, TrainingSettings, train_cyclegan
from snowdrift.snow.translators.cyclegan.weights import load_generator
from snowdrift.snow.unpaired import Preprocessing, UnpairedImages

CPU = torch.device("cpu")
SETTINGS = TrainingSettings(
    resize="short_side",
    load_size=36,
    crop_size=32,
    batch_size=2,
    precision="float32",
    filters=4,
    blocks=1,
    discriminator_filters=4,
    epochs=2,
    decay_epochs=2,
    learning_rate=2e-4,
    lambda_cycle=10.0,
    lambda_identity=0.5,
    pool_size=3,
    upsampling="transposed",
    snapshot_every=2,
)


def pictures(folder: Path, count: int, colour: tuple[int, int, int]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(count)
    paths = [folder / f"{index}.png" for index in range(count)]
    for path in paths:
        noise = random.normal(colour, 12, size=(40, 60, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noise).save(path)
    return paths


@pytest.fixture
def unpaired(tmp_path: Path) -> tuple[list[Path], list[Path]]:
    return pictures(tmp_path / "summer", 6, (60, 120, 50)), pictures(tmp_path / "winter", 4, (225, 230, 235))


def batch(seed: int) -> torch.Tensor:
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_the_step_minimises_the_papers_objective():
    model = CycleGAN(SETTINGS, seed=0, device=CPU)
    summer, winter = batch(1), batch(2)
    g_a, g_b, d_a, d_b = model.g_a, model.g_b, model.d_a, model.d_b
    with torch.no_grad():  # each term by itself, before the step changes the weights
        fake_winter, fake_summer = g_a(summer), g_b(winter)
        expected = {
            "cycle_a": 10 * (g_b(fake_winter) - summer).abs().mean(),
            "cycle_b": 10 * (g_a(fake_summer) - winter).abs().mean(),
            "identity_a": 5 * (g_a(winter) - winter).abs().mean(),
            "identity_b": 5 * (g_b(summer) - summer).abs().mean(),
            "generator_ab": ((d_a(fake_winter) - 1) ** 2).mean(),
            "generator_ba": ((d_b(fake_summer) - 1) ** 2).mean(),
            "discriminator_a": 0.5 * (((d_a(winter) - 1) ** 2).mean() + (d_a(fake_winter) ** 2).mean()),
            "discriminator_b": 0.5 * (((d_b(summer) - 1) ** 2).mean() + (d_b(fake_summer) ** 2).mean()),
        }
    losses = model.step(summer, winter)
    assert losses.keys() == expected.keys()
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value.item(), rel=1e-4), name


def test_the_generators_step_leaves_the_discriminators_alone_and_the_other_way_round():
    model = CycleGAN(replace(SETTINGS, learning_rate=0.01), seed=0, device=CPU)
    before = {name: [p.clone() for p in network.parameters()] for name, network in model.networks.items()}

    def changed(name: str) -> bool:
        pairs = zip(before[name], model.networks[name].parameters(), strict=True)
        return any(not torch.equal(old, new) for old, new in pairs)

    model._step_generators(batch(1), batch(2))
    assert [changed(name) for name in ("G_A", "G_B", "D_A", "D_B")] == [True, True, False, False]
    assert all(p.grad is None for p in model.d_a.parameters())
    model.step(batch(1), batch(2))
    assert changed("D_A")
    assert changed("D_B")


def test_without_identity_weight_the_loss_is_left_out():
    model = CycleGAN(replace(SETTINGS, lambda_identity=0.0), seed=0, device=CPU)
    losses = model.step(batch(1), batch(2))
    assert losses["identity_a"].item() == losses["identity_b"].item() == 0.0


def test_in_16_bits_losses_are_close_and_weights_and_pools_stay_in_32(monkeypatch: pytest.MonkeyPatch):
    exact, rough = (CycleGAN(replace(SETTINGS, precision="bfloat16"), seed=0, device=CPU) for _ in range(2))
    monkeypatch.setattr(rough, "_in_16_bits", True)  # which the CPU does not choose, since it is slow at it
    expected, losses = (model.step(batch(1), batch(2)) for model in (exact, rough))
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value.item(), rel=0.03), name
        assert losses[name].dtype == torch.float32
    assert any(losses[name] != expected[name] for name in losses)
    assert {p.dtype for network in rough.networks.values() for p in network.parameters()} == {torch.float32}
    assert {image.dtype for image in rough.winter_pool.images} == {torch.float32}


def test_moments_from_another_device_take_their_weights_order_in_memory():
    model, other = (CycleGAN(SETTINGS, seed=0, device=CPU) for _ in range(2))
    model.step(batch(1), batch(2))
    for network in other.networks.values():  # as on a GPU
        network.to(memory_format=torch.channels_last)
    for name in ("generator_optimiser", "discriminator_optimiser"):
        saved, loaded = getattr(model, name), getattr(other, name)
        loaded.load_state_dict(saved.state_dict())
        pairs = zip(saved.state.values(), loaded.state.items(), strict=True)
        for expected, (weight, found) in pairs:
            for moment in ("exp_avg", "exp_avg_sq"):
                assert torch.equal(found[moment], expected[moment])
                assert found[moment].stride() == weight.stride()


def test_the_learning_rate_falls_linearly_and_never_reaches_zero():
    settings = replace(SETTINGS, epochs=100, decay_epochs=100)
    factors = [settings.rate_factor(epoch) for epoch in range(1, 201)]
    assert factors[:100] == [1.0] * 100
    assert np.allclose(np.diff(factors[99:]), -1 / 101)
    assert factors[-1] == pytest.approx(1 / 101)
    assert replace(settings, decay_epochs=0).rate_factor(100) == 1.0


def test_snapshots_come_at_the_interval_and_at_the_end():
    settings = replace(SETTINGS, epochs=3, decay_epochs=4, snapshot_every=3)
    assert [epoch for epoch in range(1, 8) if settings.is_snapshot(epoch)] == [3, 6, 7]


def test_the_pool_hands_out_older_images_half_of_the_time():
    pool = ImagePool(50, torch.Generator().manual_seed(0))
    numbered = torch.arange(2050.0).reshape(-1, 1, 1, 1)
    first = pool.exchange(numbered[:50])
    assert torch.equal(first, numbered[:50])
    later = pool.exchange(numbered[50:])
    older = (later < numbered[50:]).float().mean().item()
    assert 0.45 < older < 0.55
    assert len(pool.images) == 50
    assert torch.equal(ImagePool(0, torch.Generator()).exchange(numbered), numbered)


@pytest.mark.parametrize(
    ("resize", "size", "expected"),
    [
        ("square", (1920, 1080), (540, 540)),
        ("short_side", (1920, 1080), (960, 540)),
        ("short_side", (90, 160), (540, 960)),
    ],
)
def test_scaling_keeps_or_loses_the_aspect(resize: str, size: tuple[int, int], expected: tuple[int, int]):
    assert Preprocessing(resize, 540, 512).scaled_size(*size) == expected


def test_items_depend_on_seed_epoch_and_index_alone(unpaired: tuple[list[Path], list[Path]]):
    def item(seed: int, epoch: int, index: int) -> torch.Tensor:
        images = UnpairedImages(*unpaired, Preprocessing("short_side", 36, 32), seed)
        images.set_epoch(epoch)
        return torch.cat(images[index])

    assert item(0, 1, 2).shape == (6, 32, 32)
    assert torch.equal(item(0, 1, 2), item(0, 1, 2))
    assert not torch.equal(item(0, 1, 2), item(0, 2, 2))
    assert not torch.equal(item(0, 1, 2), item(1, 1, 2))


def test_eight_bits_are_truncated_like_the_references_and_survive_the_way_through_the_network_range():
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16).repeat(3, 1, 1)
    picture = Image.fromarray(levels.permute(1, 2, 0).numpy())
    image = to_tensor(picture)
    assert (image.min().item(), image.max().item()) == (-1.0, 1.0)
    restored = np.array(to_picture(image)).astype(int)
    assert np.abs(restored - np.array(picture)).max() <= 1
    assert np.array(to_picture(torch.full((3, 1, 1), 0.999))).max() == 254  # 254.87, truncated


def train(folder: Path, unpaired, settings: TrainingSettings = SETTINGS, **options) -> None:
    """A training whose outputs lie in `folder`, and whose state in `folder/state`."""
    train_cyclegan(
        *unpaired,
        settings,
        snapshots=folder / "snapshots",
        samples=folder / "samples",
        losses=folder / "losses.csv",
        state=JobState(folder / "state", "key", minutes=options.pop("minutes", 0)),
        **({"seed": 0, "devices": [CPU]} | options),
    )


def test_a_whole_training_is_repeatable_and_leaves_what_it_promises(tmp_path: Path, unpaired, reports):
    for run in ("one", "two"):
        train(tmp_path / run, unpaired, seed=3)
    assert [(said.done, said.total) for said in reports] == 2 * [
        (step, STEPS) for step in range(1, STEPS + 1)
    ]
    assert reports[-1].values["epoch"] == "4 of 4" and "cycle_a" in reports[-1].values
    names = [f"{epoch}_net_{name}.pth" for epoch in (2, 4, "latest") for name in ("G_A", "G_B", "D_A", "D_B")]
    assert sorted(path.name for path in (tmp_path / "one/snapshots").iterdir()) == sorted(names)
    for name in names:
        assert (tmp_path / "one/snapshots" / name).read_bytes() == (
            tmp_path / "two/snapshots" / name
        ).read_bytes()
    table = pd.read_csv(tmp_path / "one/losses.csv")
    assert table["epoch"].tolist() == [1, 2, 3, 4]
    assert np.isfinite(table.to_numpy()).all()
    sheet = Image.open(tmp_path / "one/samples/epoch_0004.jpg")
    assert sheet.size == (3 * 52, 8 * 36)  # 60x40 at short side 36 is 54x36, cut to multiples of 4
    assert load_generator(tmp_path / "one/snapshots/latest_net_G_A.pth").blocks == 1


def test_a_training_on_plain_colours_learns_to_whiten(tmp_path: Path, unpaired):
    settings = replace(
        SETTINGS, filters=8, discriminator_filters=8, epochs=12, decay_epochs=0, snapshot_every=12
    )
    settings = replace(settings, learning_rate=2e-3)
    train(tmp_path, unpaired, settings, minutes=10)
    generator = load_generator(tmp_path / "snapshots/latest_net_G_A.pth")
    summer = to_tensor(Image.open(unpaired[0][0]).crop((0, 0, 32, 32)))
    assert summer.mean() < -0.3
    assert generator(summer[None]).mean() > 0.3


def test_a_training_that_cannot_work_is_refused(tmp_path: Path, unpaired):
    with pytest.raises(SnowdriftError, match="no style images"):
        train(tmp_path, (unpaired[0], []))
    with pytest.raises(SnowdriftError, match=r"batch_size is 7, but there are only 6"):
        train(tmp_path, unpaired, replace(SETTINGS, batch_size=7))
    unpaired[0][0].write_bytes(b"broken")
    with pytest.raises(SnowdriftError, match=r"0\.png: cannot be read as a picture any more"):
        train(tmp_path, unpaired)


def test_a_picture_that_a_loader_process_cannot_read_is_named(tmp_path: Path, unpaired):
    unpaired[0][3].write_bytes(b"broken")
    with pytest.raises(SnowdriftError, match=r"3\.png: cannot be read as a picture any more"):
        train(tmp_path, unpaired, workers=1)


def test_losses_that_are_no_longer_finite_stop_the_training(tmp_path: Path, unpaired):
    with pytest.raises(SnowdriftError, match=r"epoch \d+: .*no longer finite"):
        train(tmp_path, unpaired, replace(SETTINGS, learning_rate=1e30, epochs=6))


class Killed(Exception):
    """Stands for SIGKILL: nothing after it runs."""


def kill_at(monkeypatch: pytest.MonkeyPatch, target: type, name: str, calls: int) -> list[int]:
    """Let `target.name` raise at its n-th call; a list whose length is the number of calls."""
    original, seen = getattr(target, name), []

    def dying(*arguments, **options):
        seen.append(1)
        if len(seen) == calls:
            raise Killed
        return original(*arguments, **options)

    monkeypatch.setattr(target, name, dying)
    return seen


def files(folder: Path) -> dict[str, bytes]:
    """Weights and sheets, and the loss table without the time that it took."""
    table = pd.read_csv(folder / "losses.csv").drop(columns="seconds").to_csv()
    made = {path.name: path.read_bytes() for path in folder.glob("s[na]*/*")}
    return made | {"losses.csv": table.encode()}


STEPS = 3 * SETTINGS.total_epochs


@pytest.mark.parametrize(
    ("name", "calls", "again", "minutes"),
    [
        ("step", 8, STEPS - 7, 0),  # within the third epoch, saved at each step
        ("step", 9, STEPS - 6, 10),  # the same, saved at the ends of epochs only
        ("step", 7, STEPS - 6, 10),  # right after an epoch's end
        ("save", 1, STEPS - 6, 0),  # before the first snapshot: epoch 2's steps are saved, its end is not
        ("save", 3, 0, 0),  # after the last step
    ],
)
def test_a_killed_training_ends_with_the_same_weights_bit_for_bit(
    tmp_path: Path, unpaired, monkeypatch: pytest.MonkeyPatch, name, calls, again, minutes
):
    train(tmp_path / "straight", unpaired)
    with monkeypatch.context() as patch:
        kill_at(patch, CycleGAN, name, calls)
        with pytest.raises(Killed):
            train(tmp_path / "killed", unpaired, minutes=minutes)
    assert not (tmp_path / "killed/losses.csv").exists()
    steps = kill_at(monkeypatch, CycleGAN, "step", -1)
    train(tmp_path / "killed", unpaired, minutes=minutes)
    assert len(steps) == again
    assert files(tmp_path / "killed") == files(tmp_path / "straight")


def test_a_training_killed_at_random_moments_ends_with_the_same_weights(tmp_path: Path, unpaired):
    """By SIGKILL, while it steps, saves or copies, until it gets through between two of them."""
    train(tmp_path / "straight", unpaired)
    moments = random.Random(0)
    context = multiprocessing.get_context("fork")
    kills = 0
    while True:
        process = context.Process(target=train, args=(tmp_path / "killed", unpaired))
        process.start()
        process.join(moments.uniform(0.05, 0.3 + 0.05 * kills))
        process.kill()
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        kills += 1
    assert kills
    print(f"{kills} kills")
    assert files(tmp_path / "killed") == files(tmp_path / "straight")


def test_a_training_whose_outputs_snakemake_threw_away_has_nothing_to_do_again(
    tmp_path: Path, unpaired, monkeypatch: pytest.MonkeyPatch
):
    train(tmp_path, unpaired)
    made = files(tmp_path)
    for folder in ("snapshots", "samples"):
        shutil.rmtree(tmp_path / folder)
    steps = kill_at(monkeypatch, CycleGAN, "step", 1)
    train(tmp_path, unpaired)
    assert not steps
    assert files(tmp_path) == made
    remove_finished(tmp_path / "state")
    assert not (tmp_path / "state/key").exists()


def test_with_smoothed_generators_a_training_learns_as_well_and_its_weights_are_read(
    tmp_path: Path, unpaired
):
    settings = replace(SETTINGS, upsampling="smoothed", filters=8, discriminator_filters=8)
    settings = replace(settings, learning_rate=2e-3, epochs=12, decay_epochs=0, snapshot_every=12)
    train(tmp_path, unpaired, settings, minutes=10)
    for name, blurs in {"G_A": 2, "G_B": 2, "D_A": 0}.items():
        state = torch.load(tmp_path / f"snapshots/latest_net_{name}.pth", weights_only=True)
        assert sum(key.endswith(".filt") for key in state) == blurs
    generator = load_generator(tmp_path / "snapshots/latest_net_G_A.pth")
    summer = to_tensor(Image.open(unpaired[0][0]).crop((0, 0, 32, 32)))
    assert generator(summer[None]).mean() > 0.3


def test_without_blurs_first_weights_do_not_know_of_the_choice():
    """The reference's networks are drawn as ever, so that a seed's training is what it was."""
    model = CycleGAN(SETTINGS, seed=0, device=CPU)
    assert list(model.g_a.state_dict()) == list(ResnetGenerator(4, 1).state_dict())
    first = ResnetGenerator(4, 1)
    initialise(first, torch.Generator().manual_seed(derive_seed(0, "weights")))
    assert torch.equal(model.g_a.state_dict()["model.1.weight"], first.model[1].weight)
