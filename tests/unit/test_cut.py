"""CUT: its networks against a second writing of them, its losses by hand, its training, its weights."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from test_cyclegan_training import pictures
from torch.nn.functional import conv2d, conv_transpose2d, instance_norm, leaky_relu, pad, relu

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.ranks import run_ranks
from snowdrift.runtime.resume import JobState
from snowdrift.snow.networks.antialiased import AntialiasedDiscriminator, AntialiasedGenerator
from snowdrift.snow.networks.inference import accelerated, translate
from snowdrift.snow.networks.resnet import ResnetGenerator, initialise
from snowdrift.snow.translators.cut import model as cut_model
from snowdrift.snow.translators.cut.model import PLACES, TEMPERATURE, compared_layers
from snowdrift.snow.translators.cut.training import CUT, TrainingSettings, train_cut
from snowdrift.snow.translators.cut.translator import CUTTranslator
from snowdrift.snow.translators.cyclegan.weights import load_generator, save_network
from snowdrift.snow.unpaired_training import train_unpaired

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
    snapshot_every=2,
    lambda_contrast=1.0,
    identity=True,
    flip=False,
    sampling="blurred",
)
STRIDED = replace(SETTINGS, sampling="strided")
FAST = replace(SETTINGS, lambda_contrast=10.0, identity=False, flip=True)


def generator(filters: int, blocks: int, seed: int = 0) -> AntialiasedGenerator:
    network = AntialiasedGenerator(filters, blocks)
    initialise(network, torch.Generator().manual_seed(seed))
    with torch.no_grad():  # away from flat grey
        network.model[-2].weight.mul_(20)
    return network.eval()


def kernel(row: list[float], channels: int) -> torch.Tensor:
    line = torch.tensor(row) / sum(row)
    return torch.outer(line, line).repeat(channels, 1, 1, 1)


def up(x: torch.Tensor) -> torch.Tensor:
    """Of the larger picture, what is left of a whole transposed convolution when three pixels on each side are cut."""
    whole = conv_transpose2d(
        pad(x, (1, 1, 1, 1), mode="replicate"),
        4 * kernel([1, 3, 3, 1], x.shape[1]),
        stride=2,
        groups=x.shape[1],
    )
    return whole[:, :, 3:-3, 3:-3]


def down(x: torch.Tensor) -> torch.Tensor:
    padded = pad(x, (1, 1, 1, 1), mode="reflect")
    return conv2d(padded, kernel([1, 2, 1], x.shape[1]), groups=x.shape[1])[:, :, ::2, ::2]


def functional(state: dict[str, torch.Tensor], images: torch.Tensor, blocks: int) -> torch.Tensor:
    """The generator once more, by the contract's numbers of its keys."""

    def convolve(x: torch.Tensor, key: str, padding: int = 0) -> torch.Tensor:
        return conv2d(x, state[f"{key}.weight"], state[f"{key}.bias"], padding=padding)

    x = relu(instance_norm(convolve(pad(images, (3,) * 4, mode="reflect"), "model.1")))
    for place in (4, 8):
        x = down(relu(instance_norm(convolve(x, f"model.{place}", 1))))
    for place in range(12, 12 + blocks):
        block = f"model.{place}.conv_block"
        y = relu(instance_norm(convolve(pad(x, (1,) * 4, mode="reflect"), f"{block}.1")))
        x = x + instance_norm(convolve(pad(y, (1,) * 4, mode="reflect"), f"{block}.5"))
    for place in (13 + blocks, 17 + blocks):
        x = relu(instance_norm(convolve(up(x), f"model.{place}", 1)))
    return torch.tanh(convolve(pad(x, (3,) * 4, mode="reflect"), f"model.{21 + blocks}"))


def test_the_papers_generator_has_the_papers_names_and_numbers():
    network = AntialiasedGenerator()
    names = {name.rpartition(".")[0] for name in network.state_dict()}
    blocks = {f"model.{place}.conv_block.{layer}" for place in range(12, 21) for layer in (1, 5)}
    convolutions = {f"model.{place}" for place in (1, 4, 8, 22, 26, 30)}
    blurs = {f"model.{place}" for place in (7, 11, 21, 25)}
    assert names == blocks | convolutions | blurs
    assert sum(p.numel() for p in network.parameters()) == 11_378_179
    shapes = {name: tuple(value.shape) for name, value in network.named_buffers()}
    assert shapes == {
        "model.7.filt": (128, 1, 3, 3),
        "model.11.filt": (256, 1, 3, 3),
        "model.21.filt": (256, 1, 4, 4),
        "model.25.filt": (128, 1, 4, 4),
    }
    assert compared_layers("blurred", 9) == (0, 4, 8, 12, 16)
    assert compared_layers("strided", 9) == (0, 4, 7, 10, 14), "convolutions and blocks at the same depths"


@pytest.mark.parametrize("blocks", [1, 2, 9])
def test_strided_networks_are_compared_in_layers_of_the_same_channels(tmp_path: Path, blocks: int):
    models = [CUT(replace(each, blocks=blocks), seed=0, device=CPU) for each in (SETTINGS, STRIDED)]
    shapes = [
        [features.shape[:2] for features in model.generator.features(batch(1), model.layers)]
        for model in models
    ]
    assert shapes[0] == shapes[1]
    models[1].save(tmp_path, 7)
    translator = CUTTranslator.from_config({}, seed=0)
    translator.load(tmp_path / "7_net_G.pth")
    made = models[1].generator(batch(1))
    assert torch.allclose(translator.network(batch(1)), made, atol=1e-5)
    whole, found = models[1].generator.forward_with_features(batch(1), models[1].layers)
    assert torch.equal(whole, made) and len(found) == len(models[1].layers)


@pytest.mark.parametrize(("filters", "blocks"), [(4, 1), (16, 9), (64, 2)])
def test_a_weight_file_gives_the_pixels_of_a_second_writing(tmp_path: Path, filters: int, blocks: int):
    network = generator(filters, blocks)
    save_network(network, tmp_path / "latest_net_G.pth")
    loaded = load_generator(tmp_path / "latest_net_G.pth")
    assert (loaded.filters, loaded.blocks) == (filters, blocks)
    images = torch.rand(1, 3, 40, 52, generator=torch.Generator().manual_seed(1)) * 2 - 1
    expected = functional(network.state_dict(), images, blocks)
    with torch.no_grad():
        for result in (loaded(images), translate(accelerated(loaded), images)):
            assert (result - expected).abs().max() < 2 / 255
    assert expected.std() > 0.05


def half_of_the_other_kind(state: dict[str, torch.Tensor]) -> None:
    """As its authors' switch against blurs on the way up alone would leave it."""
    for key in [key for key in state if int(key.split(".")[1]) > 12]:
        del state[key]
    strided = ResnetGenerator(4, 1).state_dict()
    state.update({key.replace(".11.", ".13."): strided[key] for key in strided if ".11." in key})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("model.7.filt"), "model.7.filt is missing"),
        (lambda state: state.pop("model.1.weight"), "not a ResNet generator"),
        (lambda state: state.update({"model.4.bias": torch.zeros(3)}), "model.4.bias has shape"),
        *(
            (
                lambda state, key=key: state.update({key: state[key].roll(1, 3)}),
                f"{key} is another blur than the fixed one",
            )
            for key in ("model.7.filt", "model.11.filt", "model.13.filt", "model.17.filt")
        ),
        (half_of_the_other_kind, "does not fit a ResNet generator"),
    ],
)
def test_another_networks_weights_are_refused(tmp_path: Path, change, message: str):
    state = generator(4, 1).state_dict()
    change(state)
    torch.save(state, tmp_path / "g.pth")
    with pytest.raises(SnowdriftError, match=message):
        load_generator(tmp_path / "g.pth")


def test_the_discriminator_judges_patches_of_70_pixels():
    network = AntialiasedDiscriminator(2)
    for module in network.modules():
        if isinstance(module, torch.nn.InstanceNorm2d):  # which sees the whole picture
            module.forward = lambda features: features
    images = torch.zeros(1, 3, 160, 160, requires_grad=True)
    scores = network(images)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    seen = images.grad.abs().sum((0, 1)).nonzero()
    assert (seen.max(0).values - seen.min(0).values + 1).tolist() >= [70, 70]
    x = torch.rand(1, 3, 64, 64)
    fresh = AntialiasedDiscriminator(2)
    expected = leaky_relu(conv2d(x, fresh.model[0].weight, fresh.model[0].bias, padding=1), 0.2)
    assert torch.allclose(fresh.model[:2](x.clone()), expected)


def batch(seed: int, count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_the_contrast_is_low_if_each_place_is_like_its_own_and_high_if_they_are_mixed():
    model = CUT(SETTINGS, seed=0, device=CPU)
    images = batch(1)
    with torch.no_grad():
        keys = model.generator.features(images, model.layers)
        own = model._contrast(images, keys, mirrored=False)
        other = model._contrast(batch(2), keys, mirrored=False)
    assert own.shape == (2,) and (own < other).all()


def test_features_of_a_mirrored_picture_are_mirrored_back():
    """With kernels that are their own mirror images, as far down as no blur has moved anything by a pixel."""
    model = CUT(SETTINGS, seed=0, device=CPU)
    model.layers = (0, 4)
    with torch.no_grad():
        for place in (1, 4):
            weight = model.generator.model[place].weight
            weight.copy_((weight + weight.flip(3)) / 2)
        keys = model.generator.features(batch(1), model.layers)
        state = model.random.get_state()
        own = model._contrast(batch(1), keys, mirrored=False)
        model.random.set_state(state)
        mirrored = model._contrast(batch(1).flip(3), keys, mirrored=True)
    assert torch.allclose(mirrored, own, rtol=1e-3)


def test_the_contrast_is_the_cross_entropy_of_the_right_place_by_hand():
    model = CUT(replace(SETTINGS, blocks=1), seed=0, device=CPU)
    given, made = batch(1, 1), batch(2, 1)
    with torch.no_grad():
        keys, queries = (model.generator.features(images, model.layers) for images in (given, made))
        state = model.random.get_state()
        found = float(model._contrast(made, keys, mirrored=False))
        model.random.set_state(state)
        losses = []
        for number, (query, key) in enumerate(zip(queries, keys, strict=True)):
            places = torch.randperm(query.shape[2] * query.shape[3], generator=model.random)[:PLACES]
            perceptron = getattr(model.projection, f"mlp_{number}")
            vectors = [perceptron(each.flatten(2)[0].T[places]) for each in (query, key)]
            asked, known = (each / each.norm(dim=1, keepdim=True) for each in vectors)
            likeness = asked @ known.T / TEMPERATURE
            losses.append((likeness.logsumexp(1) - likeness.diagonal()).mean())
    assert found == pytest.approx(float(torch.stack(losses).mean()), rel=1e-5)


@pytest.mark.parametrize("settings", [SETTINGS, STRIDED, FAST])
def test_a_step_moves_all_networks_and_names_its_losses(settings: TrainingSettings):
    model = CUT(settings, seed=0, device=CPU)
    before = {name: [p.clone() for p in network.parameters()] for name, network in model.networks.items()}
    losses = model.step(batch(1), batch(2))
    assert set(losses) == {"adversarial", "contrast", "discriminator"} | (
        {"identity"} if settings.identity else set()
    )
    assert all(loss.isfinite() for loss in losses.values())
    for name, network in model.networks.items():
        assert any(not torch.equal(a, b) for a, b in zip(before[name], network.parameters(), strict=True)), (
            name
        )


def train(
    folder: Path, settings: TrainingSettings, content, style, state: JobState | None = None, devices=(CPU,)
):
    train_cut(
        content,
        style,
        settings,
        snapshots=folder / "snapshots",
        samples=folder / "samples",
        losses=folder / "losses.csv",
        state=state or JobState(folder / "state", "key"),
        seed=0,
        devices=[*devices],
    )
    return pd.read_csv(folder / "losses.csv").drop(columns="seconds")


def test_in_16_bits_similarities_are_computed_in_32_and_losses_stay_close(monkeypatch: pytest.MonkeyPatch):
    exact, rough = (CUT(replace(SETTINGS, precision="bfloat16"), seed=0, device=CPU) for _ in range(2))
    monkeypatch.setattr(rough, "_in_16_bits", True)  # which the CPU does not choose, since it is slow at it
    expected, kinds = exact.step(batch(1), batch(2)), set()
    compare = cut_model.cross_entropy
    monkeypatch.setattr(
        cut_model,
        "cross_entropy",
        lambda likeness, *rest, **options: kinds.add(likeness.dtype) or compare(likeness, *rest, **options),
    )
    losses = rough.step(batch(1), batch(2))
    assert kinds == {torch.float32}
    assert any(losses[name] != expected[name] for name in losses)
    assert {name: float(loss) for name, loss in losses.items()} == pytest.approx(
        {name: float(loss) for name, loss in expected.items()}, rel=0.03
    )
    assert {p.dtype for network in rough.networks.values() for p in network.parameters()} == {torch.float32}


class DiesAt(CUT):
    """A model that dies in its fifth step."""

    def step(self, summer: torch.Tensor, winter: torch.Tensor) -> dict[str, torch.Tensor]:
        self.steps = getattr(self, "steps", 0) + 1
        if self.steps == 5:
            raise InterruptedError("killed")
        return super().step(summer, winter)


@pytest.mark.parametrize("settings", [SETTINGS, STRIDED, FAST])
def test_a_killed_training_ends_with_the_weights_of_an_undisturbed_one(
    tmp_path: Path, settings: TrainingSettings
):
    content, style = pictures(tmp_path / "a", 6, (60, 120, 50)), pictures(tmp_path / "b", 4, (225, 230, 235))
    losses = train(tmp_path / "whole", settings, content, style)
    assert len(losses) == 4 and losses["contrast"].iloc[-1] < losses["contrast"].iloc[0]
    folder = tmp_path / "killed"
    with pytest.raises(InterruptedError):
        train_unpaired(
            DiesAt,
            content,
            style,
            settings,
            snapshots=folder / "snapshots",
            samples=folder / "samples",
            losses=folder / "losses.csv",
            state=JobState(folder / "state", "key", minutes=0),
            seed=0,
            devices=[CPU],
        )
    again = train(folder, settings, content, style, JobState(folder / "state", "key", minutes=0))
    pd.testing.assert_frame_equal(again, losses)
    for name in ("latest_net_G.pth", "2_net_G.pth", "latest_net_D.pth"):
        assert (folder / "snapshots" / name).read_bytes() == (
            tmp_path / "whole/snapshots" / name
        ).read_bytes()
    assert (folder / "samples/epoch_0004.jpg").exists()


def one_step(ranks, device, state):
    """The losses of three steps in double precision, each rank with its part of the batch."""
    model = CUT(SETTINGS, 0, device, ranks)
    for network in model.networks.values():
        network.double()
    summer, winter = batch(1).double(), batch(2).double()
    part = slice(ranks.rank * 2 // ranks.world_size, (ranks.rank + 1) * 2 // ranks.world_size)
    return [
        {name: float(loss) for name, loss in model.step(summer[part], winter[part]).items()} for _ in range(3)
    ]


def test_two_processes_have_the_losses_of_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    alone, shared = (run_ranks(one_step, [CPU] * count, None) for count in (1, 2))
    for one, both in zip(alone, shared, strict=True):
        assert both == pytest.approx(one, rel=1e-9)
