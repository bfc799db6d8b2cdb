"""Pictures as tensors, and back."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def to_tensor(image: Image.Image) -> Tensor:
    """RGB picture to float32 (3, h, w) in [-1, 1]."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float().div_(127.5).sub_(1.0)


def to_picture(image: Tensor) -> Image.Image:
    """(3, h, w) in [-1, 1] to an RGB picture; truncated to 8 bits, not rounded, like the reference."""
    levels = image.add(1.0).mul(127.5).clamp_(0.0, 255.0).byte()
    return Image.fromarray(levels.permute(1, 2, 0).contiguous().cpu().numpy())
