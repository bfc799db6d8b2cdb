"""The models that make X-rays, each a module of its own behind `base.GenerativeModel`; `MODELS` names them."""

from snowdrift.xray.generators.base import GenerativeModel
from snowdrift.xray.generators.dcgan import DCGAN
from snowdrift.xray.generators.gan import GAN
from snowdrift.xray.generators.vae import VAE

MODELS: dict[str, type[GenerativeModel]] = {"gan": GAN, "dcgan": DCGAN, "vae": VAE}
"""By their name in the config, where each has a section `xray.<name>` that its settings are made from."""
