"""CycleGAN training, by the schedule of Zhu et al. (ICCV 2017, arXiv:1703.10593)."""

from functools import partial

from snowdrift.snow.translators.cyclegan.model import CycleGAN, TrainingSettings
from snowdrift.snow.unpaired_training import train_unpaired

__all__ = ["CycleGAN", "TrainingSettings", "train_cyclegan"]

train_cyclegan = partial(train_unpaired, CycleGAN)
