"""What rules ask for: every rule, more with each attempt, and compared with what a study used."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from snowdrift.operation.resources import Need, compare, generator_multiplications, needs
from snowdrift.settings.config import complete_config, load_schema
from snowdrift.snow.networks.resnet import ResnetGenerator

REPOSITORY = Path(__file__).parents[2]
SCHEMA = REPOSITORY / "workflow/schemas/config.schema.yaml"
CONFIG = REPOSITORY / "config/config.yaml"


def study(**sections) -> dict:
    """A complete config: the full scale's, but for what is given."""
    return complete_config(sections, load_schema(SCHEMA))


def test_every_rule_with_a_script_asks_for_what_it_needs_and_no_number_of_its_own():
    rules = {}
    for path in (REPOSITORY / "rules").glob("*.smk"):
        parts = re.split(r"^rule (\w+):$", path.read_text(), flags=re.MULTILINE)
        rules |= {
            name: body for name, body in zip(parts[1::2], parts[2::2], strict=True) if "script:" in body
        }
    assert set(rules) == set(needs(study()))
    for name, body in rules.items():
        assert f'mem_mb=memory("{name}"),' in body
        assert f'runtime=minutes("{name}"),' in body


def test_each_attempt_gets_as_much_again():
    need = Need(memory=1000, seconds=3600)
    assert [need.mem_mb(attempt) for attempt in (1, 2, 3)] == [1500, 3000, 4500]
    assert [need.minutes(attempt) for attempt in (1, 2, 3)] == [130, 260, 390]


def test_frames_of_the_splits_alone_ask_for_less_time():
    whole, part = (needs(study(device="cpu", winterize={"frames": frames})) for frames in ("all", "splits"))
    # The study's 58 of 178 videos.
    start = 20
    share = (part["winterize_shard"].seconds - start) / (whole["winterize_shard"].seconds - start)
    assert share == pytest.approx(58 / 178, rel=0.01)


def test_a_job_of_weeks_asks_for_days_and_goes_on_with_the_next_attempt():
    assert [Need(memory=1, seconds=1e7).minutes(attempt) for attempt in (1, 2, 3)] == [3 * 24 * 60] * 3
    assert [Need(memory=1, seconds=1e5).minutes(attempt) for attempt in (1, 2)] == [3344, 3 * 24 * 60]


@pytest.mark.parametrize(
    ("key", "values", "rule"),
    [
        ("cyclegan", {"epochs": 1000}, "train_cyclegan"),
        ("winterize", {"shards": 1}, "winterize_shard"),
        ("winterize", {"shards": 1}, "winterize_pictures"),
        ("detector", {"model": "yolov5x"}, "train_detector"),
        ("training_sets", {"mixed": {"original": 1, "cyclegan": 1}}, "train_detector"),
        ("attack", {"shards": 1}, "attack_shard"),
        ("scores", {"redraws": 100}, "score_xray"),
    ],
)
def test_more_work_asks_for_more_time(key: str, values: dict, rule: str):
    assert needs(study(**{key: values}))[rule].seconds > 1.2 * needs(study())[rule].seconds


def test_a_flow_asks_for_what_its_width_and_its_steps_cost():
    def asked(**flow):
        return needs(study(device="cpu", xray={"models": ["gan", "flow"], "flow": flow}))

    plain, wide, long = asked(), asked(width=64), asked(steps=200)
    assert wide["train_xray_generator"].seconds > 2 * plain["train_xray_generator"].seconds
    assert wide["train_xray_generator"].memory > 100 + plain["train_xray_generator"].memory
    assert long["sample_xray"].seconds > 5 * plain["sample_xray"].seconds
    assert long["train_xray_generator"] == plain["train_xray_generator"]


def test_on_the_cpu_activations_count_as_memory():
    batches = [study(device="cpu", cyclegan={"batch_size": size}) for size in (1, 4)]
    small, large = (needs(config)["train_cyclegan"].memory for config in batches)
    assert large > 2 * small


@pytest.mark.parametrize(("filters", "blocks"), [(8, 2), (24, 6)])
def test_the_generators_multiplications_are_those_of_its_layers(filters: int, blocks: int):
    counts = []

    def count(layer: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        """Of a transposed convolution, each value that comes in meets every weight of its channel."""
        values = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
        counts.append(values.numel() * layer.weight[0].numel())

    generator = ResnetGenerator(filters, blocks).eval()
    for layer in generator.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.register_forward_hook(count)
    with torch.inference_mode():
        generator(torch.zeros(1, 3, 64, 64))
    assert sum(counts) == 64**2 * generator_multiplications(filters, blocks)


BENCHMARK = "s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t{memory}\n"


@pytest.mark.parametrize(
    ("memory", "seconds", "faults"),
    [
        ("500.5", 30, []),
        ("9000", 30, ["too little memory"]),
        ("500", 10**7, ["too little time"]),
        ("NA", 0.4, []),
    ],
)
def test_an_estimate_that_is_off_is_found(tmp_path: Path, memory: str, seconds: float, faults: list[str]):
    (tmp_path / "benchmarks").mkdir()
    text = BENCHMARK.format(memory=memory, seconds=seconds)
    (tmp_path / "benchmarks/choose_training_images.tsv").write_text(text)
    (row,) = compare(tmp_path, study())
    assert row.faults == faults


def test_a_finished_study_is_checked_from_the_command_line(tmp_path: Path):
    (tmp_path / "benchmarks/train_detector").mkdir(parents=True)
    for seed in (0, 1):
        path = tmp_path / f"benchmarks/train_detector/original-seed{seed}.tsv"
        path.write_text(BENCHMARK.format(memory=20, seconds=9))
    layer = tmp_path / "mine.yaml"
    layer.write_text("detector: {model: yolov5x}\n")
    command = [sys.executable, "-m", "snowdrift.operation.resources", tmp_path, SCHEMA, CONFIG, layer]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(REPOSITORY / "workflow/scripts")}, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert re.search(
        r"^train_detector +2 .*far too much memory, far too much time$", done.stdout, re.MULTILINE
    )
