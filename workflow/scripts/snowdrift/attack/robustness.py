"""How visible a protection is, and whether it outlives what happens to pictures on their way."""

import io
import math
from collections.abc import Callable, Mapping

import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from snowdrift.attack.names import TRANSFORMATIONS
from snowdrift.snow.pixels import to_tensor


def to_rounded_picture(image: Tensor) -> Image.Image:
    """(3, h, w) in [-1, 1] to the nearest 8-bit RGB picture.

    Winter frames are truncated like the reference's; a truncated protection would lose half a level everywhere.
    """
    levels = image.add(1).mul(127.5).round().clamp(0, 255).byte()
    return Image.fromarray(levels.permute(1, 2, 0).contiguous().cpu().numpy())


def _jpeg(quality: int) -> Callable[[Image.Image], Image.Image]:
    def recode(picture: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer).convert("RGB")

    return recode


def _resize(picture: Image.Image) -> Image.Image:
    """To 3/4 of the sides and back."""
    smaller = (round(picture.width * 3 / 4), round(picture.height * 3 / 4))
    return picture.resize(smaller, Image.Resampling.BICUBIC).resize(picture.size, Image.Resampling.BICUBIC)


_TRANSFORMATIONS: Mapping[str, Callable[[Image.Image], Image.Image]] = dict(
    zip(TRANSFORMATIONS, (lambda picture: picture, _jpeg(95), _jpeg(85), _jpeg(75), _resize), strict=True)
)


def transformed(image: Tensor) -> Tensor:
    """(3, h, w) to (len(TRANSFORMATIONS), 3, h, w): the 8-bit picture after each transformation, in their order."""
    picture = to_rounded_picture(image)
    return torch.stack([to_tensor(transform(picture)) for transform in _TRANSFORMATIONS.values()]).to(
        image.device
    )


def visibility(original: Tensor, protected: Tensor) -> dict[str, float]:
    """How much a (3, h, w) image in [-1, 1] was changed.

    Returns:
        `linf` and `rms`, the largest and the root mean square change of a value (on the scale of [-1, 1]);
        `psnr` in dB, infinite for no change; `ssim`, 1 for no change (Wang et al., IEEE TIP 2004).
    """
    change = protected - original
    # From 0 to 1, because SSIM compares brightness by ratios.
    pair = [(image.double().cpu().numpy() + 1) / 2 for image in (original, protected)]
    changed = bool(change.any())
    # The settings that make scikit-image's windows those of the paper.
    windows = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return {
        "linf": float(change.abs().max()),
        "rms": float(change.square().mean().sqrt()),
        "psnr": float(peak_signal_noise_ratio(*pair, data_range=1.0)) if changed else math.inf,
        "ssim": float(structural_similarity(*pair, data_range=1.0, channel_axis=0, **windows)),
    }
