"""The extractor of the published scores: Inception trained on ImageNet, with pytorch-fid's weights."""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytorch_fid.inception
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision.models import Inception3

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.weights import load_weights, read_weights
from snowdrift.scores.features import Features, in_batches

logger = logging.getLogger(__name__)
WEIGHTS_URL = pytorch_fid.inception.FID_WEIGHTS_URL
_HINT = f"give scores.inception_weights a copy of {WEIGHTS_URL}"
_SIDE = 299
_SECONDS = 20


class InceptionUnavailable(SnowdriftError):
    """No weights were given, none are cached, and none could be fetched."""


class InceptionExtractor:
    """Inception as Heusel et al. use it (NeurIPS 2017, arXiv:1706.08500): 2,048 features, 1,008 classes.

    Logits leave out the last layer's bias, as the original Inception Score code does (Salimans et al.,
    NeurIPS 2016, arXiv:1606.03498).
    """

    name = "inception"

    def __init__(self, network: Inception3, device: torch.device) -> None:
        self._classes = network.fc.weight.detach().to(device)
        network.fc = nn.Identity()
        self._network, self._device = network.eval().requires_grad_(False).to(device), device

    def extract(self, images: Tensor) -> Features:
        """See `Extractor`."""
        return in_batches(images, self._compute, self._device)

    def _compute(self, images: Tensor) -> tuple[Tensor, Tensor]:
        rgb = images.expand(-1, 3, -1, -1).float() / 255
        enlarged = interpolate(rgb, size=(_SIDE, _SIDE), mode="bilinear", align_corners=False)
        features = self._network(2 * enlarged - 1)
        return features, features @ self._classes.T


def load_inception(weights: Path | None, device: torch.device) -> InceptionExtractor:
    """Read the weights from a file, or from torch's cache, or fetch them into that cache.

    Args:
        weights: the config's `scores.inception_weights`; None looks in the cache and on the network.
        device: where to compute.

    Raises:
        InceptionUnavailable: no file was given and none is to be had.
        SnowdriftError: the file is missing or holds something else.
    """
    path = Path(weights) if weights else _cached_weights()
    network = build_network()
    load_weights(network, read_weights(path, _HINT), path, _HINT)
    return InceptionExtractor(network, device)


def build_network() -> Inception3:
    """pytorch-fid's variant of Inception, without its weights."""
    # Its constructor fetches weights and loads them, and has no switch for that.
    with (
        patch.object(pytorch_fid.inception, "load_state_dict_from_url"),
        patch.object(Inception3, "load_state_dict"),
    ):
        return pytorch_fid.inception.fid_inception_v3()


def _cached_weights() -> Path:
    path: Path = Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS_URL.rsplit("/", 1)[1]
    if path.is_file():
        return path
    logger.info("fetching %s", WEIGHTS_URL)
    digest = path.stem.rsplit("-", 1)[1]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _socket_timeout(_SECONDS):
            torch.hub.download_url_to_file(WEIGHTS_URL, str(path), hash_prefix=digest, progress=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise InceptionUnavailable(
            f"Inception's weights are neither given nor in {path.parent}, and cannot be fetched: {error}",
            _HINT,
        ) from error
    return path


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Bound each wait for the network: torch.hub sets no timeout of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
