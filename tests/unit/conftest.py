"""One thread for tiny tensors: more cost time, the more so on a busy machine."""

import os
from types import SimpleNamespace

import pytest
import torch

from snowdrift.runtime import progress

torch.set_num_threads(1)
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read by Triton when it is first imported, by whatever test that is


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list:
    """What the code under test says of its progress, report by report."""
    said = []
    monkeypatch.setattr(progress, "_writer", lambda: SimpleNamespace(note=said.append))
    return said
