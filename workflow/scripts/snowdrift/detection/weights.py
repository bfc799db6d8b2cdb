"""Start weights from a file, read without running anything that the file might carry."""

import pickle
from pathlib import Path

import torch
from torch import Tensor, nn

from snowdrift.detection.ultralytics_api import prepare_ultralytics
from snowdrift.runtime.errors import SnowdriftError

_ACCEPTED = (
    "an Ultralytics checkpoint of the same size (as this workflow writes, or yolov5nu.pt and its kin), "
    "or a state dict saved with torch.save(model.state_dict(), path)"
)


def read_weights(path: Path | str) -> dict[str, Tensor]:
    """Read a detector's tensors from a state dict or an Ultralytics checkpoint.

    Both are loaded with `weights_only=True`; for a checkpoint, which holds pickled modules, Ultralytics adds
    the classes of its own models to what may be built. A file that asks for anything else is refused.

    Raises:
        SnowdriftError: The file is missing, unreadable, or of neither kind.
    """
    path = Path(path)
    if not path.is_file():
        raise SnowdriftError(
            f"{path}: detector.pretrained is not a file", "check the path, or set it to null"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        content = _read_checkpoint(path)
    except Exception as error:  # damaged pickles fail in any way: KeyError, IndexError, struct.error, ...
        raise _refusal(path, f"cannot be read as a weight file ({_first_line(error)})") from error
    model = content.get("ema") or content.get("model") if isinstance(content, dict) else content
    if isinstance(model, nn.Module):
        content = model.float().state_dict()
    if (
        not isinstance(content, dict)
        or not content
        or not all(isinstance(v, Tensor) for v in content.values())
    ):
        raise _refusal(path, "holds no state dict of a detector")
    return content


def load_start_weights(model: nn.Module, weights: dict[str, Tensor], path: Path | str, name: str) -> int:
    """Copy `weights` into `model` and return how many tensors fitted.

    The class branch of the head (`cv3` of the last layer) depends on the number of classes and may differ:
    what does not fit there keeps its random start. Everything else must fit.

    Raises:
        SnowdriftError: The weights are those of another network.
    """
    own = model.state_dict()
    fitting = {key: weights[key] for key in own if key in weights and weights[key].shape == own[key].shape}
    class_branch = f"model.{len(list(model.get_submodule('model').children())) - 1}.cv3."
    lacking = [key for key in own if key not in fitting and not key.startswith(class_branch)]
    if lacking:
        key = lacking[0]
        found = tuple(weights[key].shape) if key in weights else "nothing"
        raise _refusal(
            Path(path),
            f"does not fit {name}: {len(fitting)} of its {len(own)} tensors match; "
            f"{key} should be {tuple(own[key].shape)}, the file has {found}",
        )
    model.load_state_dict(fitting, strict=False)
    return len(fitting)


def _read_checkpoint(path: Path) -> object:
    prepare_ultralytics()
    from ultralytics.nn.tasks import torch_safe_load

    try:
        return torch_safe_load(path, safe_only=True)[0]
    except Exception as error:  # as above, and TypeError for what is not on the list
        raise _refusal(
            path, "is damaged, or asks for more than the classes of an Ultralytics model"
        ) from error


def _refusal(path: Path, problem: str) -> SnowdriftError:
    return SnowdriftError(f"{path}: this file {problem}", f"detector.pretrained takes {_ACCEPTED}")


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
