"""What is installed of the libraries that the results rest on."""

import importlib
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import metadata


def installed(modules: Iterable[str]) -> dict[str, str]:
    """The version of each distribution that provides one of these modules, by the distribution's name.

    A module is asked for, not a distribution, since several distributions can bring one: `cv2` comes with
    opencv-python, opencv-python-headless and opencv-contrib-python, and `PIL` with pillow and pillow-simd. What came
    without a distribution, as from Debian's packages, goes by the module's own name and version. What is not there is
    left out.
    """
    found: dict[str, str] = {}
    for module in modules:
        if names := _providers().get(module):
            found |= {name: metadata.version(name) for name in sorted(set(names))}
        elif importlib.util.find_spec(module):
            found[module] = str(getattr(importlib.import_module(module), "__version__", "unknown"))
    return found


@cache
def _providers() -> Mapping[str, Sequence[str]]:
    # It looks through the folder of all packages, which takes a tenth of a second.
    return metadata.packages_distributions()
