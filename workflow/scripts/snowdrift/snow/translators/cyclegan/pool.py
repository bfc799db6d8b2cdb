"""A memory of generated images for the discriminators (Shrivastava et al., arXiv:1612.07828)."""

import torch
from torch import Tensor


class ImagePool:
    """Keeps up to `size` generated images and hands out older ones half of the time.

    Args:
        size: images kept; 0 hands every image straight back.
        generator: source of its random choices, on the CPU.
    """

    def __init__(self, size: int, generator: torch.Generator) -> None:
        self.size = size
        self.generator = generator
        self.images: list[Tensor] = []

    def state_dict(self) -> dict[str, list[Tensor]]:
        """The images."""
        return {"images": list(self.images)}

    def load_state_dict(self, state: dict[str, list[Tensor]]) -> None:
        """Take the images of another pool's `state_dict`, wherever they lie."""
        self.images = list(state["images"])

    def exchange(self, images: Tensor) -> Tensor:
        """Give (n, c, h, w) new images, get as many back.

        Each image is taken in and returned as it is until the pool is full; from then on, with probability
        one half it takes the place of a random older image, which is returned instead.
        """
        if self.size == 0:
            return images
        return torch.stack([self._exchange_one(image.detach()) for image in images])

    def _exchange_one(self, image: Tensor) -> Tensor:
        if len(self.images) < self.size:
            self.images.append(image.clone())  # it is a part of its batch, which would be kept whole
            return image
        if torch.rand((), generator=self.generator) < 0.5:
            return image
        slot = int(torch.randint(self.size, (), generator=self.generator))
        older, self.images[slot] = self.images[slot], image.clone()
        return older.to(image.device)
