"""The CycleGAN as a translator: the generator that the training, or a file of the user's, gives."""

from pathlib import Path

from snowdrift.snow.translator import TrainedTranslator
from snowdrift.snow.translators.cyclegan.weights import load_generator


class CycleGANTranslator(TrainedTranslator):
    """Zhu et al., ICCV 2017, arXiv:1703.10593, with weights of the reference's names."""

    name = "cyclegan"
    generator = "G_A"

    def load(self, path: Path | str) -> None:
        """Read a generator, see `weights.load_generator`."""
        self.network = load_generator(path)
