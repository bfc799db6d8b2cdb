"""The memory of a training's step against a card's."""

import os
from pathlib import Path

import pytest

from snowdrift.operation import doctor
from snowdrift.runtime.leases import smallest_memory
from snowdrift.settings.config import load_schema, read_config
from snowdrift.snow.memory import memory_advice, training_megabytes

REPOSITORY = Path(__file__).parents[2]
STUDY = {"batch_size": 4, "crop_size": 512, "filters": 64, "blocks": 9, "precision": "float32"}


def test_what_is_said_to_fit_does_and_no_more_would():
    card = 24_000.0
    advice = memory_advice("cyclegan", STUDY, 1, card)
    assert "needs some 37 GB" in advice and "batch_size 2, or cyclegan.crop_size 388" in advice
    for fits, smaller in ((True, {"batch_size": 2}), (True, {"crop_size": 388}), (False, {"batch_size": 3})):
        assert (memory_advice("cyclegan", STUDY | smaller, 1, card) is None) == fits
    assert memory_advice("cyclegan", STUDY, 2, card) is None, "each of two cards has half of a batch"
    assert memory_advice("cyclegan", STUDY | {"precision": "bfloat16"}, 1, card) is None
    assert memory_advice("cyclegan", STUDY, 1, 80_000.0) is None
    assert memory_advice("cyclegan", STUDY, 1, None) is None


def test_not_one_picture_may_fit():
    advice = memory_advice("cut", STUDY, 1, 4_000.0)
    assert "batch_size" not in advice and "cut.crop_size" in advice
    assert training_megabytes(STUDY | {"crop_size": 1024}) == pytest.approx(4 * training_megabytes(STUDY))


@pytest.fixture
def smi(tmp_path, monkeypatch):
    def says(text: str, status: int = 0) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\nprintf '{text}'\nexit {status}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    return says


def test_the_smallest_card_counts(smi):
    smi("81559\\n24564\\n")
    assert smallest_memory(["GPU-a", "GPU-b"]) == pytest.approx(24_564 * 1.048576)
    assert smallest_memory([]) is None
    smi("[N/A]\\n")
    assert smallest_memory(["MIG-a"]) is None
    smi("No devices were found", 6)
    assert smallest_memory(["GPU-a"]) is None


def test_the_doctor_warns_of_a_card_that_is_too_small(monkeypatch):
    schema = load_schema(REPOSITORY / "workflow/schemas/config.schema.yaml")
    config = read_config([REPOSITORY / "config/config.yaml"], schema)
    for card, count in ((24_000.0, 1), (80_000.0, 0)):
        monkeypatch.setattr("snowdrift.runtime.leases.smallest_memory", lambda names, card=card: card)
        found = list(doctor.check_memory(config, 1))
        assert len(found) == count and all(finding.level == "warning" for finding in found)
    assert not list(doctor.check_memory(config, 0))
