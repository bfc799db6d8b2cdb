"""Fixed blurs for layers that halve or double pictures (Zhang, ICML 2019, arXiv:1904.11486): nobody learns them.

They are buffers called `filt`, one kernel for each channel, as in the weight files by the authors of CUT.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad


class BlurDown(nn.Module):
    """Halves the sides: (n, c, h, w) to (n, c, h / 2, w / 2), each rounded up, blurred by 1 2 1 in both directions.

    Args:
        channels: of the features.
    """

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("filt", _kernel((1, 2, 1), channels))

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        padded = pad(features, (1, 1, 1, 1), mode="reflect")
        return conv2d(padded, self.filt, stride=2, groups=len(self.filt))


class BlurUp(nn.Module):
    """Doubles the sides: (n, c, h, w) to (n, c, 2 h, 2 w), interpolated by 1 3 3 1 in both directions.

    Args:
        channels: of the features.
    """

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("filt", 4 * _kernel((1, 3, 3, 1), channels))

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        padded = pad(features, (1, 1, 1, 1), mode="replicate")
        # Twice the padded size and 2 more: three pixels on each side are the padding's.
        return conv_transpose2d(padded, self.filt, stride=2, padding=3, groups=len(self.filt))


class SmoothedTransposed(nn.ConvTranspose2d):
    """A transposed convolution that doubles the sides, and a blur by 1 2 1 in both directions: no checkerboard.

    With a kernel of 3 and a stride of 2, neighbouring pixels are sums of one, two or four products by turns, whatever
    is learned (Odena et al., Distill 2016, doi:10.23915/distill.00003). The blur takes away just what alternates from
    pixel to pixel, as a fixed layer does for Sugawara et al. (ICIP 2018, "... Without Any Checkerboard Artifacts").

    Args:
        channels: of its input, (n, channels, h, w).
        outputs: of its output, (n, outputs, 2h, 2w).
    """

    filt: Tensor

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__(channels, outputs, 3, stride=2, padding=1, output_padding=1)
        self.register_buffer("filt", _kernel((1, 2, 1), outputs))

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """See the class; the arguments are those of its base class."""
        doubled = pad(super().forward(input, output_size), (1, 1, 1, 1), mode="replicate")
        return conv2d(doubled, self.filt, groups=len(self.filt))


def _kernel(row: tuple[int, ...], channels: int) -> Tensor:
    """(channels, 1, k, k), each the same, with a sum of 1."""
    line = torch.tensor(row, dtype=torch.float32)
    kernel = line[:, None] * line
    return (kernel / kernel.sum()).expand(channels, 1, *kernel.shape).clone()
