"""The CUDA path of what computes on a GPU, against the CPU's result."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_cyclegan_training import SETTINGS, batch

from snowdrift.runtime.graphs import Repeated
from snowdrift.runtime.resume import JobState, Training
from snowdrift.snow.networks.fused_norm import _FusedNorm, kernels_work
from snowdrift.snow.networks.inference import translate
from snowdrift.snow.networks.resnet import ResnetGenerator, initialise
from snowdrift.snow.translators.cyclegan.training import CycleGAN

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
CUDA = torch.device("cuda", 0)
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device on this machine"),
]


def test_a_process_sees_the_gpu_that_it_has_leased_and_no_other(tmp_path: Path):
    """In a process of its own: the lease comes before CUDA starts."""
    program = """
import torch
from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.leases import visible_devices
pool = list(visible_devices())
with leased_devices("cuda") as (device,):
    torch.ones(1, device=device)
    name = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
    print(torch.cuda.device_count(), name == sorted(pool)[0] or pool)
"""
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS), "SNOWDRIFT_LOCKS": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "1 True", done.stdout + done.stderr


def test_winter_is_the_same_on_both_devices():
    generator = ResnetGenerator(16, 4)
    initialise(generator, torch.Generator().manual_seed(0))
    images = torch.rand(2, 3, 90, 122, generator=torch.Generator().manual_seed(1)) * 2 - 1
    expected = translate(generator.eval(), images)
    winter = translate(generator.cuda(), images.cuda()).cpu()
    assert (winter - expected).abs().max() < 2 / 127.5


def test_the_first_steps_have_the_same_losses_on_both_devices():
    settings = replace(SETTINGS, filters=8)
    models = [CycleGAN(settings, 0, torch.device(device)) for device in ("cpu", "cuda")]
    for step in range(3):
        losses = [
            model.step(batch(step).to(model.device), batch(step + 9).to(model.device)) for model in models
        ]
        for name in losses[0]:
            assert losses[0][name].item() == pytest.approx(losses[1][name].item(), rel=2e-2), name


def test_the_first_losses_in_16_bits_are_close_to_the_cpus():
    settings = replace(SETTINGS, filters=8, precision="bfloat16")
    models = [CycleGAN(settings, 0, torch.device(device)) for device in ("cpu", "cuda")]
    exact, rough = (model.step(batch(0).to(model.device), batch(9).to(model.device)) for model in models)
    for name in exact:
        assert rough[name].item() == pytest.approx(exact[name].item(), rel=5e-2), name
    assert all(p.dtype == torch.float32 for p in models[1].g_a.parameters())


def test_weights_saved_from_a_gpu_load_on_the_cpu(tmp_path: Path):
    model = CycleGAN(SETTINGS, 0, torch.device("cuda"))
    model.save(tmp_path, 1)
    assert not any(t.is_cuda for t in torch.load(tmp_path / "1_net_G_A.pth", weights_only=True).values())


def test_a_training_saved_on_a_gpu_goes_on_there_and_on_the_cpu(tmp_path: Path):
    def training(device: str) -> tuple[CycleGAN, Training]:
        model = CycleGAN(SETTINGS, 0, torch.device(device))
        return model, Training(JobState(tmp_path, "key"), model.parts, [model.random])

    model, saved = training("cuda")
    for step in range(3):
        model.step(batch(step).cuda(), batch(step + 9).cuda())
    saved.save({})
    expected = [model.step(batch(step).cuda(), batch(step + 9).cuda()) for step in range(3, 6)]
    for device in ("cuda", "cpu"):
        model, resumed = training(device)
        assert resumed.restore() == {}
        for step, losses in zip(range(3, 6), expected, strict=True):
            again = model.step(batch(step).to(device), batch(step + 9).to(device))
            for name in losses:
                assert again[name].item() == pytest.approx(losses[name].item(), rel=2e-2), name


def test_a_graph_takes_new_values_and_shapes_and_leaves_its_results_alone():
    weight = torch.ones(2, device="cuda", requires_grad=True)

    def compute(values: torch.Tensor) -> tuple[torch.Tensor]:
        weight.grad = None
        result = (weight * values).square()
        result.sum().backward()
        return (result.detach(),)

    repeated, results = Repeated(compute), []
    for value, rows in ((1, 1), (2, 1), (3, 1), (4, 5), (5, 5), (6, 5)):
        results.append(repeated(torch.full((rows, 2), float(value), device="cuda"))[0])
        assert weight.grad.tolist() == [2 * rows * value**2] * 2
    assert [result.mean().item() for result in results] == [1, 4, 9, 16, 25, 36]


def test_the_fused_kernels_are_compiled_and_used():
    assert kernels_work(torch.device("cuda"))
    assert any(isinstance(layer, _FusedNorm) for layer in CycleGAN(SETTINGS, 0, CUDA).d_b.modules())
