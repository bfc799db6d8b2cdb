"""One thread for tiny tensors: more cost time, the more so on a busy machine."""

from types import SimpleNamespace

import pytest
import torch

from snowdrift.runtime import progress

torch.set_num_threads(1)


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list:
    """What the code under test says of its progress, report by report."""
    said = []
    monkeypatch.setattr(progress, "_writer", lambda: SimpleNamespace(note=said.append))
    return said
