"""Any network of the user's own that turns a picture into a picture: a TorchScript or an ONNX file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import digest_file
from snowdrift.snow.networks.inference import padded
from snowdrift.snow.pixels import to_picture, to_tensor
from snowdrift.snow.translator import Frame, Translate, Translator

_PROBE = (64, 96)
_HINT = (
    "give a TorchScript file (.pt, .torchscript) or an ONNX file (.onnx) of a network that takes (n, 3, h, w) in "
    "[-1, 1], with h and w of any size, and gives the same shape and range"
)


@dataclass(frozen=True)
class Settings:
    """Which network.

    Attributes:
        weights: the file.
        multiple: sides of its input are padded to a multiple of this, and its output is cropped back.
    """

    weights: str
    multiple: int = 4

    def __post_init__(self) -> None:
        if self.multiple < 1:
            raise SnowdriftError(
                f"network.multiple: {self.multiple}; expected at least 1", "mend network.multiple"
            )


class FileNetworkTranslator(Translator):
    """Runs the network of a file: TorchScript on the job's device, ONNX on the CPU."""

    name = "network"
    settings_type = Settings
    at_network_size = True
    digest = ""

    def fit(self, style: Sequence[Path]) -> None:
        """Read the file and try it on one picture, before thousands wait for it."""
        probe = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*_PROBE, 3), np.uint8))
        self.digest = digest_file(self._file())
        self.start(torch.device("cpu"))([probe], [Frame("a test picture", "")])

    def state(self) -> dict[str, Any]:
        """The digest of the file, which is read where it lies."""
        return {"digest": self.digest}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Make sure that the file is the one that was tried."""
        self.digest = state["digest"]
        if digest_file(self._file()) != self.digest:
            raise SnowdriftError(
                f"{self.settings.weights}: network.weights has changed since it was tried",
                "run again, which tries it again, or restore the file",
            )

    def start(self, device: torch.device) -> Translate:
        """Run one picture after the other through the network."""
        network = self._network(device)

        @torch.inference_mode()
        def make(pictures: Sequence[Image.Image], frames: Sequence[Frame]) -> list[Image.Image]:
            return [
                to_picture(self._checked(network, to_tensor(picture)[None], frame)[0])
                for picture, frame in zip(pictures, frames, strict=True)
            ]

        return make

    def _file(self) -> Path:
        path = Path(self.settings.weights)
        if not path.is_file():
            raise SnowdriftError(f"{path}: network.weights is no file", _HINT)
        return path

    def _network(self, device: torch.device) -> Callable[[Tensor], Tensor]:
        path = self._file()
        try:
            return _onnx(path) if path.suffix.lower() == ".onnx" else _torchscript(path, device)
        except Exception as error:  # foreign files fail in any way
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise SnowdriftError(f"{path}: network.weights cannot be read: {reason}", _HINT) from error

    def _checked(self, network: Callable[[Tensor], Tensor], images: Tensor, frame: Frame) -> Tensor:
        def run(given: Tensor) -> Tensor:
            try:
                result = network(given)
            except Exception as error:  # of whatever kind the network's library has
                reason = str(error).strip().splitlines()[-1]
                raise self._fault(f"fails on {frame.frame_id}, {tuple(given.shape)}: {reason}") from error
            if not isinstance(result, Tensor) or result.shape != given.shape:
                found = tuple(result.shape) if isinstance(result, Tensor) else type(result).__name__
                raise self._fault(f"gives {found} for {frame.frame_id}, which is {tuple(given.shape)}")
            if not result.isfinite().all():
                raise self._fault(f"gives values that are not finite for {frame.frame_id}")
            return result.float().cpu()

        return padded(run, images, self.settings.multiple)

    def _fault(self, problem: str) -> SnowdriftError:
        return SnowdriftError(f"{self.settings.weights}: network.weights {problem}", _HINT)


def _torchscript(path: Path, device: torch.device) -> Callable[[Tensor], Tensor]:
    module = torch.jit.load(path, map_location=device).eval()
    return lambda images: module(images.to(device))


def _onnx(path: Path) -> Callable[[Tensor], Tensor]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the shard has threads of its own
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: torch.from_numpy(session.run(None, {name: images.numpy()})[0])
