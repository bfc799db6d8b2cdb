"""The models of X-rays: what they sample, that they learn, and that a seed decides everything."""

import dataclasses
import math

import pandas as pd
import pytest
import torch

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.resume import JobState
from snowdrift.settings.config import xray_generators
from snowdrift.xray.generators import load_model
from snowdrift.xray.generators.dcgan import DCGAN
from snowdrift.xray.generators.dcgan_augmented import AugmentedDCGAN, AugmentedDiscriminator, augment
from snowdrift.xray.generators.flow import Flow, Integrator
from snowdrift.xray.images import save_png, to_float
from snowdrift.xray.samples import read_samples, write_samples
from snowdrift.xray.training import train_model

CPU = torch.device("cpu")
ADVERSARIAL = {
    "image_size": 16,
    "channels": 1,
    "latent_size": 8,
    "filters": 4,
    "batch_size": 8,
    "epochs": 2,
    "learning_rate": 0.0002,
    "ema": 0,
}
SECTIONS = {
    "gan": ADVERSARIAL,
    "dcgan": ADVERSARIAL | {"channels": 3},
    "vae": {
        "image_size": 18,
        "channels": 1,
        "hidden_size": 16,
        "latent_size": 3,
        "batch_size": 5,
        "epochs": 2,
        "learning_rate": 0.001,
        "validation": 0.1,
        "patience": 10,
    },
    "dcgan_augmented": ADVERSARIAL | {"ema": 0.9},
    "flow": {
        "image_size": 16,
        "channels": 1,
        "width": 8,
        "batch_size": 8,
        "epochs": 2,
        "learning_rate": 0.001,
        "ema": 0.9,
        "steps": 2,
    },
    "pca": {"image_size": 16, "channels": 1, "latent_size": 4},
}
MODELS = ("gan", "dcgan", "vae", "dcgan_augmented", "flow")


def model(name, seed=0, **changes):
    return load_model(name).from_config(SECTIONS[name] | changes, seed=seed, device=CPU)


def images(name, n=20, **changes):
    """A dark picture with a bright square that moves: easy to learn, and not all alike."""
    section = SECTIONS[name] | changes
    size = section["image_size"]
    pictures = torch.full((n, section["channels"], size, size), 20, dtype=torch.uint8)
    for index in range(n):
        pictures[index, :, 4 : 8 + index % 4, 5:11] = 220
    return pictures


@pytest.mark.parametrize("name", MODELS)
def test_samples_are_images_of_the_configured_shape_and_range(name):
    section = SECTIONS[name]
    sample = model(name).sample(3, seed=1)
    assert sample.shape == (3, section["channels"], section["image_size"], section["image_size"])
    assert sample.dtype == torch.float32
    assert sample.abs().max() <= 1


@pytest.mark.parametrize("name", MODELS)
def test_a_small_sample_is_the_beginning_of_a_large_one(name):
    made = model(name)
    assert torch.equal(made.sample(70, seed=1)[:5], made.sample(5, seed=1))
    assert not torch.equal(made.sample(5, seed=1), made.sample(5, seed=2))


@pytest.mark.parametrize("name", MODELS)
def test_training_and_samples_depend_on_the_seed_alone(name):
    made = []
    for seed in (0, 0, 1):
        one = model(name, seed=seed)
        torch.manual_seed(seed)
        one.train(images(name), seed=seed)
        made.append(one.sample(4, seed=7))
    assert made[0].numpy().tobytes() == made[1].numpy().tobytes()
    assert not torch.equal(made[0], made[2])


@pytest.mark.parametrize("name", MODELS)
def test_losses_have_a_row_an_epoch_and_each_epoch_is_reported(name):
    seen = []
    losses = model(name).train(images(name), seed=0, after_epoch=seen.append)
    assert losses.to_dict("records") == seen
    assert losses["epoch"].tolist() == [1, 2]
    assert {"epoch", "seconds"} < set(losses)
    assert losses.notna().all(axis=None)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("gan", {"epochs": 60, "learning_rate": 0.002, "filters": 16}),
        ("dcgan", {"epochs": 60, "learning_rate": 0.002, "filters": 16}),
        ("vae", {"epochs": 80, "patience": 80, "learning_rate": 0.003}),
        ("dcgan_augmented", {"epochs": 40, "learning_rate": 0.002, "filters": 8}),
        ("flow", {"epochs": 25, "learning_rate": 0.005}),
    ],
)
def test_a_trained_model_makes_images_closer_to_the_real_ones(name, changes):
    real = images(name, 40)
    mean = to_float(real).mean(0)
    untrained = (model(name, **changes).sample(16, seed=3).mean(0) - mean).square().mean()
    trained = model(name, **changes)
    torch.manual_seed(0)
    trained.train(real, seed=0)
    learned = (trained.sample(16, seed=3).mean(0) - mean).square().mean()
    assert learned < untrained / 4


def test_an_average_of_the_generators_weights_changes_what_is_sampled():
    plain, averaged = model("dcgan"), model("dcgan", ema=0.9)
    for one in (plain, averaged):
        one.train(images("dcgan"), seed=0)
    assert not torch.equal(plain.sample(2, seed=0), averaged.sample(2, seed=0))


@pytest.mark.parametrize("name", MODELS)
def test_weights_come_back_from_their_file(name, tmp_path):
    saved = model(name, seed=1)
    saved.save(tmp_path / "weights.pth")
    loaded = model(name, seed=2)
    loaded.load(tmp_path / "weights.pth")
    assert torch.equal(saved.sample(2, seed=0), loaded.sample(2, seed=0))


def test_weights_of_another_model_are_refused_with_their_path(tmp_path):
    model("gan").save(tmp_path / "weights.pth")
    with pytest.raises(SnowdriftError, match=r"weights\.pth") as caught:
        model("vae").load(tmp_path / "weights.pth")
    assert "trains the vae again" in caught.value.hint


@pytest.mark.parametrize("name", MODELS)
def test_too_few_images_are_refused(name):
    with pytest.raises(SnowdriftError, match=rf"xray\.{name}"):
        model(name).train(images(name, 1), seed=0)


@pytest.mark.parametrize("name", MODELS)
def test_a_learning_rate_that_breaks_the_training_is_named(name):
    pictures = images(name)
    with pytest.raises(SnowdriftError, match="no longer finite") as caught:
        model(name, learning_rate=1e30, epochs=5).train(pictures, seed=0)
    assert f"xray.{name}.learning_rate" in caught.value.hint


def test_training_and_sampling_leave_their_files(tmp_path, tiny_files, reports):
    files = {"weights": tmp_path / "w.pth", "losses": tmp_path / "l.csv", "sheets": tmp_path / "sheets"}
    train_model(
        "gan",
        SECTIONS["gan"],
        tiny_files,
        **files,
        state=JobState(tmp_path / "state", "key"),
        sample_every=2,
        samples=4,
        seed=0,
        device=CPU,
    )
    assert sorted(path.name for path in files["sheets"].iterdir()) == ["epoch_0002.png", "final.png"]
    assert len(pd.read_csv(files["losses"])) == 2
    assert reports[-1][:4] == ("training", 2, 2, "epochs") and "discriminator" in reports[-1].values
    made = {"array": tmp_path / "s.npy", "folder": tmp_path / "images", "sheet": tmp_path / "s.png"}
    write_samples("gan", SECTIONS["gan"], files["weights"], count=9, few=4, **made, seed=0, device=CPU)
    assert read_samples(made["array"]).shape == (9, 1, 16, 16)
    assert len(list(made["folder"].iterdir())) == 4


class Killed(Exception):
    """Stands for SIGKILL: nothing after it runs."""


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("gan", {}),
        ("dcgan", {"ema": 0.9}),
        ("vae", {"learning_rate": 0.05, "patience": 1}),
        ("dcgan_augmented", {}),
        ("flow", {}),
    ],
)
@pytest.mark.parametrize("minutes", [0, 60])
def test_a_killed_training_ends_with_the_same_weights_bit_for_bit(name, changes, minutes, tmp_path):
    def train(state, after_epoch=lambda row: None, start=7):
        one = model(name, epochs=9, **changes)
        torch.manual_seed(start)
        rows = one.train(images(name), seed=0, after_epoch=after_epoch, state=state)
        return one.network.state_dict(), rows.drop(columns="seconds")

    def die(row):
        if row["epoch"] == 4:
            raise Killed

    weights, rows = train(None)
    assert len(rows) == (7 if name == "vae" else 9)  # it stops early, with the weights of epoch 6
    with pytest.raises(Killed):
        train(JobState(tmp_path, "key", minutes), die)
    seen = []
    saved = minutes == 0
    # Dropout and augmentation draw from the global generator, which must come back from the snapshot too.
    resumed, resumed_rows = train(JobState(tmp_path, "key", minutes), seen.append, start=8 if saved else 7)
    assert [row["epoch"] for row in seen] == list(range(4 if saved else 1, len(rows) + 1))
    pd.testing.assert_frame_equal(resumed_rows, rows)
    assert weights.keys() == resumed.keys()
    assert all(torch.equal(weights[key], resumed[key]) for key in weights)


def test_sheets_made_before_a_kill_are_among_the_outputs(tmp_path, tiny_files, monkeypatch):
    def train(folder):
        train_model(
            "dcgan",
            SECTIONS["dcgan"] | {"epochs": 3},
            tiny_files,
            weights=folder / "w.pth",
            losses=folder / "l.csv",
            sheets=folder / "sheets",
            state=JobState(folder / "state", "key"),
            sample_every=1,
            samples=4,
            seed=0,
            device=CPU,
        )
        return {path.name: path.read_bytes() for path in [folder / "w.pth", *folder.glob("sheets/*")]}

    straight = train(tmp_path / "straight")
    with monkeypatch.context() as patch:
        calls = []
        original = DCGAN._step

        def dying(*arguments):
            calls.append(1)
            if len(calls) == 2:
                raise Killed
            return original(*arguments)

        patch.setattr(DCGAN, "_step", dying)
        with pytest.raises(Killed):
            train(tmp_path / "killed")
    assert not (tmp_path / "killed/sheets").exists()
    assert train(tmp_path / "killed") == straight
    assert len(straight) == 5


def test_a_broken_array_of_samples_is_named(tmp_path):
    (tmp_path / "s.npy").write_bytes(b"nothing")
    with pytest.raises(SnowdriftError, match=r"s\.npy: cannot be read as an array"):
        read_samples(tmp_path / "s.npy")


@pytest.fixture
def tiny_files(tmp_path):
    paths = [tmp_path / f"{index}.png" for index in range(12)]
    for path, picture in zip(paths, images("gan", 12), strict=True):
        save_png(picture, path)
    return paths


def test_a_model_in_a_file_of_its_own_is_found_by_its_name_and_keeps_the_mean_of_what_it_saw():
    assert set(xray_generators()) == set(SECTIONS)
    one, real = model("pca"), images("pca", 40, image_size=16)
    losses = one.train(real, seed=0)
    assert losses["unexplained"][0] < 0.01  # the square's four sizes span three directions
    made = one.sample(2000, seed=0)
    assert torch.allclose(made.mean(0), to_float(real).mean(0), atol=0.1)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"sizes": 3}, "`sizes` is unknown"),
        ({"latent_size": "4"}, "`latent_size` is '4', expected int"),
        ({"latent_size": 40}, "xray.pca.latent_size is 40, and 20 images of 256 values allow 19"),
        (
            {"latent_size": 17, "image_size": 4},
            "xray.pca.latent_size is 17, and 20 images of 16 values allow 16",
        ),
        ({"latent_size": 0}, "xray.pca.latent_size: 0 is out of range"),
        ({"image_size": 3}, "xray.pca.image_size: 3 is out of range"),
        ({"channels": 2}, "xray.pca.channels: 2 is out of range"),
    ],
)
def test_a_models_own_settings_are_checked(changes, fault):
    with pytest.raises(SnowdriftError, match=fault):
        model("pca", **changes).train(images("pca", **changes), seed=0)
    with pytest.raises(SnowdriftError, match="`channels` is missing"):
        load_model("pca").from_config({"image_size": 16, "latent_size": 4}, seed=0, device=CPU)


def test_each_image_is_shifted_by_an_eighth_and_loses_at_most_a_square_of_half_its_side():
    torch.manual_seed(0)
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    # No pixel is a mean gray's, so 0 is what came in from outside or was cut out.
    pictures = torch.stack([rows, columns]).expand(400, 2, 16, 16) + 100
    changed = augment(pictures)
    gone = (changed == 0).all(1)
    assert gone.sum((1, 2)).min() >= 8 * 8 / 4 - 16  # a hole round a corner
    assert (
        gone.sum((1, 2)).max() <= 8 * 8 + 2 * 2 * 16
    )  # a hole inside, and two rows and columns from outside
    assert gone.any(0).all() and not gone.all(0).any()
    assert len({tuple(one.flatten().tolist()) for one in changed[:50]}) == 50


def test_contrast_and_brightness_vary_by_what_the_paper_says():
    torch.manual_seed(0)
    picture = torch.rand(1, 1, 16, 16) * 2 - 1
    changed = augment(picture.repeat(2000, 1, 1, 1))
    gone = changed == 0  # what came in from outside or was cut out
    highest = changed.masked_fill(gone, -torch.inf).flatten(1).amax(1)
    lowest = changed.masked_fill(gone, torch.inf).flatten(1).amin(1)
    contrast = (highest - lowest) / (picture.max() - picture.min())
    assert 1.4 < contrast.max() < 1.501
    assert contrast.min() < 0.6
    means = changed.masked_fill(gone, torch.nan).flatten(1).nanmean(1)
    assert 0.25 < means.std() < 0.35  # that of a uniform brightness is 1 / sqrt(12)


def test_the_generator_learns_through_the_augmentation():
    torch.manual_seed(0)
    fake = torch.zeros(8, 1, 16, 16, requires_grad=True)
    settings = AugmentedDCGAN.check(SECTIONS["dcgan_augmented"])
    AugmentedDiscriminator(settings)(fake).sum().backward()
    assert (fake.grad.abs().sum((1, 2, 3)) > 0).all()


def test_the_dcgan_that_is_augmented_starts_with_the_dcgans_weights():
    plain, augmented = model("dcgan", channels=1), model("dcgan_augmented")
    assert torch.equal(plain.sample(4, seed=0), augmented.sample(4, seed=0))
    weights = plain.discriminator.state_dict(), augmented.discriminator.state_dict()
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


class KnownVelocity(torch.nn.Module):
    """A velocity whose paths are known."""

    def forward(self, images, times):
        return 3 * times[:, None, None, None] ** 2 - images


def test_heuns_method_is_of_second_order():
    settings = Flow.check(SECTIONS["flow"])
    noise = torch.randn(2, settings.latent_size, generator=torch.Generator().manual_seed(0)).double()
    errors = []
    for steps in (8, 16):
        integrator = Integrator(dataclasses.replace(settings, steps=steps))
        integrator.velocity = KnownVelocity()
        # dx/dt = 3 t^2 - x has the solution 3 t^2 - 6 t + 6 + (x(0) - 6) exp(-t).
        exact = 3 + (noise - 6) * math.exp(-1)
        errors.append((integrator(noise).flatten(1) - exact).abs().max())
    assert errors[0] < 0.05
    assert 3 < errors[0] / errors[1] < 5


def test_an_untrained_flow_leaves_the_noise_as_it_is():
    one = model("flow")
    noise = torch.randn(3, one.settings.latent_size, generator=torch.Generator().manual_seed(0))
    assert torch.equal(one.network(noise).flatten(1), noise)


def test_without_an_average_a_flow_draws_with_its_last_weights_and_with_one_it_does_not():
    losses, samples = [], []
    for ema in (0.0, 0.9):
        one = model("flow", ema=ema)
        losses.append(one.train(images("flow"), seed=0)["velocity"].tolist())
        samples.append(one.sample(2, seed=0))
    assert losses[0] == losses[1]
    assert not torch.equal(*samples)


def test_a_width_that_the_groups_do_not_divide_is_refused():
    with pytest.raises(SnowdriftError, match=r"xray\.flow\.width: 12"):
        model("flow", width=12)
