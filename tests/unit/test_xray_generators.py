"""The three models of X-rays: what they sample, that they learn, and that a seed decides everything."""

import pandas as pd
import pytest
import torch

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.resume import JobState
from snowdrift.settings.config import xray_generators
from snowdrift.xray.generators import load_model
from snowdrift.xray.generators.dcgan import DCGAN
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
    "pca": {"image_size": 16, "channels": 1, "latent_size": 4},
}
MODELS = ("gan", "dcgan", "vae")


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
    assert "trains the vae anew" in caught.value.hint


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
    [("gan", {}), ("dcgan", {"ema": 0.9}), ("vae", {"learning_rate": 0.05, "patience": 1})],
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
    # Dropout draws from the global generator, which must come back from the snapshot too.
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
