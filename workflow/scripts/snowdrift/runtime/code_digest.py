"""Digests of the code that a script runs: what a rerun of its job hangs on.

Snakemake runs a job again when its script's file is touched, as a git checkout does, and does not when a module
that the script imports is edited. A digest over the parsed code of both is right in either case.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1]
_MEANINGLESS = frozenset({"kind", "type_comment"})
"""Fields of the syntax tree that change nothing: the u of `u"text"`, and comments."""


class _Module(NamedTuple):
    digest: str
    imports: frozenset[Path]
    """Files of the package that it names in an import, anywhere in it."""


def code_digest(script: Path | str, package: Path | str = PACKAGE) -> str:
    """Digest of a script and of all modules of the package that it imports, directly or not.

    It is taken over the parsed code without docstrings, so comments and formatting do not count. Imports inside
    functions do; a module whose name is computed is not seen.

    Args:
        script: the file that the rule runs.
        package: folder of the package.

    Returns:
        16 hex digits.

    Raises:
        SyntaxError: one of the files is no Python.
    """
    script, package = Path(script), Path(package)
    reached, ahead = set(), [script]
    while ahead:
        path = ahead.pop()
        reached.add(path)
        ahead += _read(path, package).imports - reached
    library = sorted(
        (path.relative_to(package).as_posix(), _read(path, package).digest) for path in reached - {script}
    )
    return hashlib.sha256(repr((_read(script, package).digest, library)).encode()).hexdigest()[:16]


@cache
def _read(path: Path, package: Path) -> _Module:
    tree = ast.parse(path.read_bytes(), str(path))
    files = _module_files(package)
    imports = {file for name in _imported(tree, path, package) for file in files.get(name, ())}
    return _Module(hashlib.sha256(_outline(tree).encode()).hexdigest(), frozenset(imports))


@cache
def _module_files(package: Path) -> dict[str, tuple[Path, ...]]:
    """The files that run when a module is imported, by its dotted name: its own and those of its packages."""
    found: dict[str, tuple[Path, ...]] = {}
    # Shorter paths come first, so that a package is known before what lies in it.
    for file in sorted(package.rglob("*.py"), key=lambda file: (len(file.parts), file.name != "__init__.py")):
        place = file.parent if file.name == "__init__.py" else file.with_suffix("")
        name = ".".join(place.relative_to(package.parent).parts)
        found[name] = (*found.get(name.rpartition(".")[0], ()), file)
    return found


def _outline(node: object) -> str:
    """A syntax tree as text, without what is left empty, so that Python's release hardly matters."""
    if isinstance(node, ast.AST):
        fields = [(name, getattr(node, name, None)) for name in node._fields if name not in _MEANINGLESS]
        parts = [f"{name}={_outline(value)}" for name, value in fields if value is not None and value != []]
        return f"{type(node).__name__}({' '.join(parts)})"
    if isinstance(node, list):
        return f"[{' '.join(_outline(part) for part in node if not _is_docstring(part))}]"
    return repr(node)


def _is_docstring(node: object) -> bool:
    """Whether a statement is a bare text: a docstring, of a variable too, which does nothing."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _imported(tree: ast.AST, path: Path, package: Path) -> Iterator[str]:
    """Dotted names of all that a file imports; for `from a import b` both a and a.b, which may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # One dot is the file's own folder, two are the one above it.
            above = path.parents[node.level - 1].relative_to(package.parent).parts if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (base, *(f"{base}.{alias.name}" for alias in node.names))
