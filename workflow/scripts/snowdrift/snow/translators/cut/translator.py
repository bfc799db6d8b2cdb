"""CUT as a translator: the generator that its training, or a file of the user's, gives."""

from pathlib import Path

from snowdrift.snow.translator import TrainedTranslator
from snowdrift.snow.translators.cyclegan.weights import load_generator


class CUTTranslator(TrainedTranslator):
    """Park et al., ECCV 2020, arXiv:2007.15651, with weights of the authors' names."""

    name = "cut"
    generator = "G"

    def load(self, path: Path | str) -> None:
        """Read a generator, see `weights.load_generator`."""
        self.network = load_generator(path)
