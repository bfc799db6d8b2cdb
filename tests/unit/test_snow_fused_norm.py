"""Norms with what follows them in one step: torch's operators and Triton's kernels, the latter interpreted."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import instance_norm, leaky_relu, pad

from snowdrift.runtime.devices import full_precision
from snowdrift.snow.networks import fused_norm
from snowdrift.snow.networks.resnet import PatchDiscriminator, ResnetGenerator, initialise

kernels = pytest.importorskip("snowdrift.snow.networks.norm_kernels", exc_type=ImportError)
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def drawn(*shape: int, seed: int = 0) -> Tensor:
    """Values away from 0, so that the variance is a difference of large numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 + 5


def plainly(features: Tensor, slope: float, padding: int, skip: Tensor | None) -> Tensor:
    result = leaky_relu(instance_norm(features), slope)
    if skip is not None:
        around = (skip.shape[2] - features.shape[2]) // 2
        result = result + pad(skip, (-around,) * 4)
    return pad(result, (padding,) * 4, mode="reflect") if padding else result


CASES = [(0.0, 3, None), (0.2, 0, None), (1.0, 1, 1), (1.0, 0, 1), (0.0, 2, 0)]


@pytest.mark.parametrize("way", ["kernels", "torch"])
@pytest.mark.parametrize(("slope", "padding", "around"), CASES)
@pytest.mark.parametrize("shape", [(2, 5, 6, 4), (1, 72, 13, 21)])
def test_results_are_those_of_the_layers_one_by_one(way, slope, padding, around, shape):
    run = kernels.Normalised.apply if way == "kernels" else fused_norm.by_torch
    features, skip = drawn(*shape), None
    if around is not None:
        skip = drawn(*shape[:2], *(side + 2 * around for side in shape[2:]), seed=1)
    expected = plainly(features, slope, padding, skip)
    for dtype, error in ((torch.float32, 1e-5), (torch.float16, 2e-2), (torch.bfloat16, 1e-1)):
        given = features.to(DEVICE, dtype).contiguous(memory_format=torch.channels_last)
        added = None if skip is None else skip.to(DEVICE, dtype)
        found = run(given, slope, padding, added)
        assert found.dtype == dtype and found.is_contiguous(memory_format=torch.channels_last)
        assert (found.double().cpu() - expected).abs().max() < error * expected.abs().max()


@pytest.mark.parametrize(("slope", "padding", "around"), CASES)
def test_the_kernels_gradients_are_those_of_the_layers_one_by_one(slope, padding, around):
    shape = (2, 20, 8, 11)
    leaves = [drawn(*shape).requires_grad_()]
    if around is not None:
        leaves.append(drawn(*shape[:2], *(side + 2 * around for side in shape[2:]), seed=1).requires_grad_())
    result = plainly(leaves[0], slope, padding, leaves[1] if around is not None else None)
    slopes = drawn(*result.shape, seed=2)
    expected = torch.autograd.grad(result, leaves, slopes)
    own = [leaf.detach().float().to(DEVICE).requires_grad_() for leaf in leaves]
    found = kernels.Normalised.apply(own[0], slope, padding, own[1] if around is not None else None)
    for one, other in zip(torch.autograd.grad(found, own, slopes.float().to(DEVICE)), expected, strict=True):
        assert (one.double().cpu() - other).abs().max() < 1e-4 * other.abs().max()


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("run", [kernels.Normalised.apply, fused_norm.by_torch])
def test_what_is_no_number_stays_none(run):
    features = drawn(1, 4, 6, 6).to(DEVICE, torch.float16)
    features[0, 1, 2, 2] = torch.inf
    result = run(features, 0.0, 1, None)
    assert not result[:, 1].isfinite().any()
    assert result[:, [0, 2, 3]].isfinite().all()


@full_precision()
@pytest.mark.parametrize("with_kernels", [True, False])
def test_fused_networks_have_the_results_and_gradients_and_keys_of_plain_ones(with_kernels, monkeypatch):
    monkeypatch.setattr(fused_norm, "kernels_work", lambda _: with_kernels)
    for plain in (ResnetGenerator(4, 2), PatchDiscriminator(4)):
        initialise(plain, torch.Generator().manual_seed(0))
        for name, parameter in plain.named_parameters():
            if name.endswith("bias"):
                parameter.data.normal_(generator=torch.Generator().manual_seed(1))
        plain = plain.to(DEVICE)
        fused = deepcopy(plain)
        fused_norm.fuse(fused)
        assert not any(isinstance(module, nn.InstanceNorm2d | nn.ReLU) for module in fused.modules())
        assert list(fused.state_dict()) == list(plain.state_dict())
        images = torch.rand((2, 3, 32, 28), generator=torch.Generator().manual_seed(2)).to(DEVICE)
        expected, found = plain(images), fused(images)
        assert (found - expected).abs().max() < 1e-3
        for result in (expected, found):
            result.square().sum().backward()
        gradients = {name: parameter.grad for name, parameter in plain.named_parameters()}
        for name, parameter in fused.named_parameters():
            # A norm takes the bias before it away, so that its gradient is rounding noise: the weights give the scale.
            scale = max(gradients[name].abs().max(), gradients[name.replace("bias", "weight")].abs().max())
            assert (parameter.grad - gradients[name]).abs().max() < 1e-3 * scale, name


def test_a_bias_before_a_norm_is_dropped_where_nothing_is_to_be_learned():
    plain = ResnetGenerator(4, 2, dropout=True).eval().requires_grad_(False)
    for parameter in plain.parameters():
        parameter.normal_(generator=torch.Generator().manual_seed(parameter.numel())).mul_(0.3)
    fused = deepcopy(plain)
    fused_norm.fuse(fused, without_bias=True)
    assert [name for name in fused.state_dict() if name.endswith("bias")] == ["model.19.bias"]
    images = torch.rand((1, 3, 16, 20), generator=torch.Generator().manual_seed(2))
    assert (fused(images) - plain(images)).abs().max() < 1e-4


def test_without_a_compiler_torchs_operators_do(monkeypatch, caplog):
    monkeypatch.setattr(fused_norm, "_check_kernels", lambda _: exec("raise RuntimeError('no gcc\\n...')"))
    assert not fused_norm.kernels_work.__wrapped__(torch.device("cuda"))
    assert "Triton cannot be used" in caplog.text and "no gcc. Hint" in caplog.text
    assert not fused_norm.kernels_work(torch.device("cpu"))
