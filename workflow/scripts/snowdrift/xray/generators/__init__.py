"""The models that make X-rays, each in a module of its own name, behind `base.GenerativeModel`.

To add one, put a module here with a class whose `name` is the module's, give it a section `xray.<name>` in the config,
and name it in `xray.models`: see docs/bring-your-own.md.
"""

import importlib

from snowdrift.xray.generators.base import GenerativeModel


def load_model(name: str) -> type[GenerativeModel]:
    """The class of that name from the module of that name."""
    module = importlib.import_module(f"{__name__}.{name}")
    return next(
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, GenerativeModel) and getattr(each, "name", "") == name
    )
