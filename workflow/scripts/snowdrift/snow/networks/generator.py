"""What all networks have in common that make pictures of pictures."""

from torch import Tensor, nn


class Generator(nn.Module):
    """A network from pictures to pictures.

    Attributes:
        stride: both sides of its input must be multiples of this, or the output would be larger than the input.
        model: all of its layers.
    """

    stride: int
    model: nn.Sequential

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) in [-1, 1], h and w multiples of `stride`, to the same shape and range."""
        result: Tensor = self.model(images)
        return result

    def features(self, images: Tensor, layers: tuple[int, ...]) -> list[Tensor]:
        """The outputs of some layers, by their place in `model`; layers after the last of them are not computed."""
        found = []
        for place, layer in enumerate(self.model[: max(layers) + 1]):
            images = layer(images)
            if place in layers:
                found.append(images)
        return found

    def forward_with_features(self, images: Tensor, layers: tuple[int, ...]) -> tuple[Tensor, list[Tensor]]:
        """What `forward` gives, and what `features` gives."""
        found = self.features(images, layers)
        return self.model[max(layers) + 1 :](found[-1]), found
