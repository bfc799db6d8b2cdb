"""The models that make X-rays, each in a module of its own name, behind `base.GenerativeModel`.

To add one, put a module here with a class whose `name` is the module's, give it a section `xray.<name>` in the config,
and name it in `xray.models`: see docs/bring-your-own.md.
"""

import importlib

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.xray.generators.base import GenerativeModel


def load_model(name: str) -> type[GenerativeModel]:
    """The class of that name from the module of that name.

    Raises:
        SnowdriftError: the module has none.
    """
    module = importlib.import_module(f"{__name__}.{name}")
    for each in vars(module).values():
        if isinstance(each, type) and issubclass(each, GenerativeModel) and getattr(each, "name", "") == name:
            return each
    raise SnowdriftError(
        f'{module.__file__}: no class with `name = "{name}"` is a GenerativeModel',
        "derive it from snowdrift.xray.generators.base.GenerativeModel, as pca.py does",
    )
