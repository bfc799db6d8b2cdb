"""Convolutions with fewer multiplications against the direct one, and the accelerated generator against the plain."""

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from snowdrift.snow.networks import fast_convolution
from snowdrift.snow.networks.fast_convolution import (
    FastConvolution,
    nnpack_convolution,
    nnpack_works,
    row_convolution,
    winograd_convolution,
    winograd_weight,
)
from snowdrift.snow.networks.inference import (
    MIN_PSNR,
    BatchTranslator,
    accelerated,
    psnr,
    translate,
)
from snowdrift.snow.networks.resnet import ResnetGenerator, initialise
from snowdrift.snow.pixels import to_picture, to_tensor


@pytest.fixture(params=["nnpack", "public"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With NNPACK, and as on a machine that has none."""
    if request.param == "nnpack" and not nnpack_works():
        pytest.skip("this torch has no NNPACK for this machine")
    monkeypatch.setattr(fast_convolution, "nnpack_works", lambda: request.param == "nnpack")
    return request.param


def drawn(outputs: int, channels: int, side: int) -> nn.Conv2d:
    torch.manual_seed(outputs)
    return nn.Conv2d(channels, outputs, side).requires_grad_(False)


def winograd(images, weight, bias):
    return winograd_convolution(images, winograd_weight(weight), bias)


@pytest.mark.parametrize(
    ("function", "outputs", "side"),
    [
        (winograd, 24, 3),
        (row_convolution, 3, 7),
        (row_convolution, 2, 4),
        pytest.param(
            nnpack_convolution, 24, 3, marks=pytest.mark.skipif(not nnpack_works(), reason="no NNPACK")
        ),
        pytest.param(
            nnpack_convolution, 3, 7, marks=pytest.mark.skipif(not nnpack_works(), reason="no NNPACK")
        ),
    ],
)
@pytest.mark.parametrize(("height", "width"), [(18, 22), (9, 31), (17, 8)])
def test_every_way_gives_what_the_direct_convolution_gives(function, outputs, side, height, width):
    layer = drawn(outputs, 12, side)
    images = torch.randn(3, 12, height, width, generator=torch.Generator().manual_seed(0))
    for given in (images, images.to(memory_format=torch.channels_last), images[:1]):
        expected = conv2d(given, layer.weight, layer.bias)
        assert (function(given, layer.weight, layer.bias) - expected).abs().max() < 2e-5
        assert (function(given, layer.weight, None) - conv2d(given, layer.weight)).abs().max() < 2e-5


def test_an_image_alone_and_in_a_batch_give_the_same(way: str):
    layer = FastConvolution(drawn(64, 64, 3))
    images = torch.randn(3, 64, 26, 26, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        together = layer(images)
        alone = torch.cat([layer(image) for image in images.split(1)])
    assert torch.equal(together, alone) or (way == "public" and (together - alone).abs().max() < 1e-5)


def test_the_way_is_chosen_by_what_it_saves(monkeypatch: pytest.MonkeyPatch):
    taken = []
    for name in ("nnpack_convolution", "winograd_convolution", "row_convolution", "conv2d"):
        run = getattr(fast_convolution, name)
        monkeypatch.setattr(
            fast_convolution,
            name,
            lambda *given, run=run, name=name, **options: taken.append(name) or run(*given, **options),
        )

    def way(outputs: int, channels: int, side: int, pixels: int, works: bool, grad: bool = False) -> str:
        monkeypatch.setattr(fast_convolution, "nnpack_works", lambda: works)
        with torch.set_grad_enabled(grad):
            FastConvolution(drawn(outputs, channels, side))(torch.rand(1, channels, pixels, pixels))
        name = taken[0]
        taken.clear()
        return name

    if nnpack_works():
        assert way(64, 64, 3, 32, True) == way(3, 8, 7, 32, True) == "nnpack_convolution"
    assert way(64, 64, 3, 16, True) == way(64, 64, 3, 32, False) == "winograd_convolution"
    assert way(3, 8, 7, 32, False) == "row_convolution"
    assert way(8, 8, 3, 32, True) == way(64, 64, 3, 32, True, grad=True) == "conv2d"


def test_a_wrong_or_missing_nnpack_is_not_used(monkeypatch: pytest.MonkeyPatch):
    def checked(**replaced) -> bool:
        with monkeypatch.context() as patch:
            for name, value in replaced.items():
                patch.setattr(torch, name, value)
            return nnpack_works.__wrapped__()

    def wrong(images, weight, bias, padding):
        return conv2d(images, weight, bias) + 1e-2

    def failing(*_):
        raise RuntimeError("NNPACK SpatialConvolution_updateOutput failed")

    yes = {"_nnpack_available": lambda: True}
    assert not checked(_nnpack_available=lambda: False)
    assert not checked(**yes, _nnpack_spatial_convolution=wrong)
    assert not checked(**yes, _nnpack_spatial_convolution=failing)
    assert not checked(**yes, _nnpack_spatial_convolution=None)
    assert checked(
        **yes, _nnpack_spatial_convolution=lambda images, weight, bias, _: conv2d(images, weight, bias)
    )


def test_other_convolutions_are_refused():
    for other in (nn.Conv2d(4, 4, 5, padding=1), nn.Conv2d(4, 4, 3, stride=2), nn.Conv2d(4, 4, (3, 1))):
        with pytest.raises(ValueError, match="not of stride 1"):
            FastConvolution(other)


@pytest.mark.parametrize(("height", "width"), [(112, 96), (40, 64)])
def test_the_accelerated_generator_makes_the_same_pictures(way: str, height: int, width: int):
    """Within 1 of 255 levels, the study's channels and blocks in the widths where every way is taken."""
    generator = ResnetGenerator(16, 9, dropout=True).eval()
    initialise(generator, torch.Generator().manual_seed(0))
    with torch.no_grad():  # over the whole range of colours
        generator.model[-2].weight.mul_(20)
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    images = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.inference_mode():
        expected, winter = generator(images), accelerated(generator)(images)
    assert expected.std() > 0.3
    assert (winter - expected).abs().max() < 1 / 127.5
    for one, other in zip(expected, winter, strict=True):
        levels, others = (torch.tensor(list(to_picture(each).tobytes())) for each in (one, other))
        assert (levels - others).abs().max() <= 1
        assert (levels == others).float().mean() > 0.99
    assert all(torch.equal(before[name], tensor) for name, tensor in generator.state_dict().items())


def batches(sizes: list[tuple[int, int, int]]) -> list[tuple[int, torch.Tensor]]:
    random = torch.Generator().manual_seed(0)
    return [
        (number, torch.randint(256, (*size, 3), generator=random, dtype=torch.uint8))
        for number, size in enumerate(sizes)
    ]


@pytest.fixture
def generator() -> ResnetGenerator:
    network = ResnetGenerator(8, 3).eval().requires_grad_(False)
    initialise(network, torch.Generator().manual_seed(0))
    network.model[-2].weight.mul_(20)
    return network


def test_16_bits_are_near_enough_to_32(generator: ResnetGenerator):
    given = batches([(2, 32, 24), (2, 32, 24), (1, 30, 41)])
    translator = BatchTranslator(generator, torch.device("cpu"))
    for (label, pictures), (number, winter) in zip(given, translator.run(iter(given)), strict=True):
        assert label == number and winter.shape == pictures.shape and winter.dtype == torch.uint8
        for picture, levels in zip(pictures, winter, strict=True):
            expected = translate(generator, to_tensor(picture.numpy())[None])[0]
            assert expected.std() > 0.3
            assert psnr(to_tensor(levels.numpy()), expected) > MIN_PSNR
    assert translator.dtype == torch.float16


def test_32_bits_are_kept_where_16_do_not_do(generator: ResnetGenerator):
    generator.model[1].weight.mul_(1e7)  # beyond 16 bits; the norm behind it takes it back
    ((_, pictures),) = given = batches([(1, 32, 24)])
    translator = BatchTranslator(generator, torch.device("cpu"))
    ((_, winter),) = translator.run(given)
    assert translator.dtype == torch.float32
    expected = to_picture(translate(generator, to_tensor(pictures[0].numpy())[None])[0])
    assert (torch.tensor(list(expected.tobytes())) - winter.flatten()).abs().max() <= 1


def test_a_batch_beyond_16_bits_is_done_again_in_32(generator: ResnetGenerator, caplog):
    """The first batch, by which they are chosen, has little contrast and stays within them; the second does not."""
    ((_, bright),) = batches([(1, 16, 16)])
    given = [(0, bright // 64 + 126), (1, bright)]
    generator.model[1].weight.mul_(3e5)
    translator = BatchTranslator(generator, torch.device("cpu"))
    (_, _), (_, winter) = translator.run(given)
    assert translator.dtype == torch.float16
    assert "does not hold a batch's values" in caplog.text
    expected = to_picture(translate(generator, to_tensor(bright[0].numpy())[None])[0])
    assert (torch.tensor(list(expected.tobytes())) - winter.flatten()).abs().max() <= 1


def test_no_more_than_two_batches_are_on_a_device(generator: ResnetGenerator):
    taken, given = [], batches([(1, 16, 16)] * 6)

    def counted():
        for label, pictures in given:
            taken.append(label)
            yield label, pictures

    for label, _ in BatchTranslator(generator, torch.device("cpu")).run(counted()):
        assert max(taken) <= label + 1


def test_psnr_is_that_of_a_range_of_two():
    images = torch.zeros(1, 3, 4, 4)
    assert psnr(images, images + 0.02) == pytest.approx(40)
    assert psnr(images, images) == float("inf")
    assert not psnr(images, images * torch.nan) >= MIN_PSNR
