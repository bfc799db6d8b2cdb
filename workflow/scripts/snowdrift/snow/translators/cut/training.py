"""CUT training, by the schedule of Park et al. (ECCV 2020, arXiv:2007.15651), which is the CycleGAN's."""

from functools import partial

from snowdrift.snow.translators.cut.model import CUT, TrainingSettings
from snowdrift.snow.unpaired_training import train_unpaired

__all__ = ["CUT", "TrainingSettings", "train_cut"]

train_cut = partial(train_unpaired, CUT)
