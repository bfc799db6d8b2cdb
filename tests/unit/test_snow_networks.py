"""Networks and weight files against the reference's contract: names, shapes, and what each layer computes."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.snow.networks.fused_norm import fuse
from snowdrift.snow.networks.inference import accelerated
from snowdrift.snow.networks.resnet import PatchDiscriminator, ResnetGenerator, initialise
from snowdrift.snow.translators.cyclegan.weights import load_generator, save_network

BLOCKS = 9


def reference_names(blocks: int, second: int = 5) -> list[str]:
    """The reference's tensor names, spelled out."""
    convolutions = ["model.1", "model.4", "model.7"]
    for block in range(10, 10 + blocks):
        convolutions += [f"model.{block}.conv_block.1", f"model.{block}.conv_block.{second}"]
    convolutions += [f"model.{10 + blocks}", f"model.{13 + blocks}", f"model.{17 + blocks}"]
    return [f"{name}.{part}" for name in convolutions for part in ("weight", "bias")]


def reference_forward(state: dict[str, torch.Tensor], images: torch.Tensor, blocks: int) -> torch.Tensor:
    """The generator written a second time, from the contract's text and with functions only."""

    def convolve(name: str, features: torch.Tensor, **options: int) -> torch.Tensor:
        return functional.conv2d(features, state[f"{name}.weight"], state[f"{name}.bias"], **options)

    def normalise(features: torch.Tensor) -> torch.Tensor:
        mean = features.mean(dim=(2, 3), keepdim=True)
        variance = features.var(dim=(2, 3), keepdim=True, unbiased=False)
        return (features - mean) / torch.sqrt(variance + 1e-5)

    def mirror(features: torch.Tensor, by: int) -> torch.Tensor:
        return functional.pad(features, (by, by, by, by), mode="reflect")

    x = torch.relu(normalise(convolve("model.1", mirror(images, 3))))
    x = torch.relu(normalise(convolve("model.4", x, stride=2, padding=1)))
    x = torch.relu(normalise(convolve("model.7", x, stride=2, padding=1)))
    for block in range(10, 10 + blocks):
        y = torch.relu(normalise(convolve(f"model.{block}.conv_block.1", mirror(x, 1))))
        x = x + normalise(convolve(f"model.{block}.conv_block.5", mirror(y, 1)))
    for name in (f"model.{10 + blocks}", f"model.{13 + blocks}"):
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        x = functional.conv_transpose2d(x, weight, bias, stride=2, padding=1, output_padding=1)
        x = torch.relu(normalise(x))
    return torch.tanh(convolve(f"model.{17 + blocks}", mirror(x, 3)))


def test_generator_of_the_study_has_the_references_48_tensors_and_11378179_parameters():
    network = ResnetGenerator(64, BLOCKS)
    assert list(network.state_dict()) == reference_names(BLOCKS)
    assert len(network.state_dict()) == 48
    assert sum(parameter.numel() for parameter in network.parameters()) == 11_378_179


def test_discriminator_has_the_references_names_size_and_output():
    network = PatchDiscriminator(64)
    names = [f"model.{index}.{part}" for index in (0, 2, 5, 8, 11) for part in ("weight", "bias")]
    assert list(network.state_dict()) == names
    assert sum(parameter.numel() for parameter in network.parameters()) == 2_764_737
    assert network(torch.zeros(1, 3, 256, 256)).shape == (1, 1, 30, 30)


def test_each_score_of_the_discriminator_sees_70_pixels():
    # Without norms: they look at the whole picture.
    layers = [
        layer for layer in PatchDiscriminator(4).model if not isinstance(layer, torch.nn.InstanceNorm2d)
    ]
    image = torch.rand(1, 3, 256, 256, requires_grad=True)
    torch.nn.Sequential(*layers)(image)[0, 0, 15, 15].backward()
    seen = image.grad.abs().sum(dim=(0, 1)).nonzero()
    assert (seen.amax(dim=0) - seen.amin(dim=0) + 1).tolist() == [70, 70]


@pytest.mark.parametrize(("filters", "blocks"), [(8, 3), (16, 9), (64, 9)])
def test_reference_weights_give_the_references_pixels(tmp_path: Path, filters: int, blocks: int):
    original = ResnetGenerator(filters, blocks)
    initialise(original, torch.Generator().manual_seed(filters))
    save_network(original, tmp_path / "latest_net_G_A.pth")
    network = load_generator(tmp_path / "latest_net_G_A.pth")
    assert (network.filters, network.blocks) == (filters, blocks)
    images = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(1)) * 2 - 1
    expected = reference_forward(dict(original.state_dict()), images, blocks)
    assert torch.allclose(network(images), expected, atol=1e-5)


def test_equal_weights_are_equal_bytes_whatever_the_file_is_called(tmp_path: Path):
    network = ResnetGenerator(4, 1)
    for name in ("a.pth", "latest_net_G_A.pth"):
        save_network(network, tmp_path / name)
    assert (tmp_path / "a.pth").read_bytes() == (tmp_path / "latest_net_G_A.pth").read_bytes()


def test_dropout_moves_the_second_convolution_and_is_off_at_inference(tmp_path: Path):
    original = ResnetGenerator(8, 2, dropout=True)
    assert list(original.state_dict()) == reference_names(2, second=6)
    save_network(original, tmp_path / "g.pth")
    network = load_generator(tmp_path / "g.pth")
    image = torch.rand(1, 3, 16, 16)
    assert torch.equal(network(image), network(image))


def test_obsolete_norm_buffers_of_old_files_are_dropped(tmp_path: Path):
    state = ResnetGenerator(8, 2).state_dict()
    state["model.2.running_mean"] = torch.zeros(8)
    torch.save(state, tmp_path / "old.pth")
    assert load_generator(tmp_path / "old.pth").filters == 8


def test_initial_weights_follow_the_paper():
    network = ResnetGenerator(32, 4)
    initialise(network, torch.Generator().manual_seed(0))
    weights = torch.cat([p.flatten() for name, p in network.named_parameters() if name.endswith("weight")])
    assert weights.mean().abs() < 1e-3
    assert abs(weights.std() - 0.02) < 1e-3
    assert all(not p.any() for name, p in network.named_parameters() if name.endswith("bias"))


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("model.19.bias", None, "model.19.bias is missing"),
        ("extra.weight", torch.zeros(1), "extra.weight is not part of it"),
        ("model.4.weight", torch.zeros(3, 3), r"model.4.weight has shape \(3, 3\), expected \(16, 8, 3, 3\)"),
        ("model.4.bias", torch.full((16,), float("nan")), "model.4.bias has values that are not finite"),
        ("model.1.weight", None, "not a ResNet generator"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_what_is_wrong(
    tmp_path: Path, name: str, tensor: torch.Tensor | None, message: str
):
    state = dict(ResnetGenerator(8, BLOCKS).state_dict())
    state[name] = tensor
    torch.save({key: value for key, value in state.items() if value is not None}, tmp_path / "damaged.pth")
    with pytest.raises(SnowdriftError, match=message):
        load_generator(tmp_path / "damaged.pth")


def test_a_discriminator_is_not_taken_for_a_generator(tmp_path: Path):
    save_network(PatchDiscriminator(8), tmp_path / "latest_net_D_A.pth")
    with pytest.raises(SnowdriftError, match="not a ResNet generator") as caught:
        load_generator(tmp_path / "latest_net_D_A.pth")
    assert "48 tensors with 9 blocks" in caught.value.hint


def test_files_that_are_no_weights_are_refused(tmp_path: Path):
    for name, content in {"empty.pth": b"", "text.pth": b"hello", "zip.pth": b"PK\x03\x04 broken"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SnowdriftError, match=f"{name}: cannot be read as torch weights"):
            load_generator(tmp_path / name)
    torch.save(torch.zeros(3), tmp_path / "tensor.pth")
    with pytest.raises(SnowdriftError, match="holds a Tensor that is not a plain state dict"):
        load_generator(tmp_path / "tensor.pth")
    with pytest.raises(SnowdriftError, match="there is no such weight file"):
        load_generator(tmp_path / "none.pth")


def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(tmp_path: Path):
    marker = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return (Path.touch, (marker,))

    torch.save({"model.1.weight": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(SnowdriftError, match="cannot be read as torch weights"):
        load_generator(tmp_path / "trap.pth")
    assert not marker.exists()


@pytest.mark.parametrize(("filters", "blocks"), [(4, 1), (16, 3), (24, 9)])
def test_a_smoothed_generator_is_the_references_with_a_blur_after_each_doubling(tmp_path, filters, blocks):
    network = ResnetGenerator(filters, blocks, smoothed=True)
    initialise(network, torch.Generator().manual_seed(filters))
    blurs = {f"model.{10 + blocks}.filt", f"model.{13 + blocks}.filt"}
    assert set(network.state_dict()) == {*reference_names(blocks), *blurs}
    save_network(network, tmp_path / "latest_net_G_A.pth")
    images = torch.rand(1, 3, 40, 52, generator=torch.Generator().manual_seed(1)) * 2 - 1
    x = network.model[: 10 + blocks](images)
    weights = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
    for place in (10 + blocks, 13 + blocks):
        layer = network.model[place]
        x = functional.conv_transpose2d(x, layer.weight, layer.bias, stride=2, padding=1, output_padding=1)
        around = functional.pad(x, (1, 1, 1, 1), mode="replicate")
        height, width = x.shape[2:]
        x = sum(
            weights[i, j] * around[:, :, i : i + height, j : j + width] for i in range(3) for j in range(3)
        )
        x = torch.relu(functional.instance_norm(x))
    expected = network.model[16 + blocks :](x)
    loaded = load_generator(tmp_path / "latest_net_G_A.pth")
    fused = deepcopy(loaded)
    fuse(fused, without_bias=True)
    with torch.no_grad():
        for run in (network, loaded, accelerated(loaded), fused):
            assert (run(images) - expected).abs().max() < 1e-4


def test_another_blur_in_a_smoothed_generator_is_refused(tmp_path: Path):
    state = dict(ResnetGenerator(4, 2, smoothed=True).state_dict())
    for key in ("model.12.filt", "model.15.filt"):
        torch.save(state | {key: state[key] * 2}, tmp_path / "g.pth")
        with pytest.raises(SnowdriftError, match=f"{key} is another blur"):
            load_generator(tmp_path / "g.pth")
