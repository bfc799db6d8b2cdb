"""Digests of the code that a script runs: what a rerun of its job hangs on.

Snakemake runs a job again when its script's file is touched, as a git checkout does, and does not when a module
that the script imports is edited. A digest over the parsed code of both is right in either case.
"""

import ast
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1]
_MEANINGLESS = frozenset({"kind", "type_comment"})
"""Fields of the syntax tree that change nothing: the u of `u"text"`, and comments."""


class _File(NamedTuple):
    digest: str
    imports: list[str]
    """Dotted names below the package that it imports, anywhere in it; not each need be a module."""


class CodeDigests:
    """Digests of scripts, each with all modules of the package that it imports, directly or not.

    They are taken over the parsed code without docstrings, so comments and formatting do not count. Imports inside
    functions do; a module whose name is computed is not seen.

    Args:
        package: folder of the package.
        store: file that keeps what was found in each file, by the file's bytes, because to parse all takes a third
            of a second. It may go at any time.
    """

    def __init__(self, package: Path | str = PACKAGE, store: Path | str | None = None) -> None:
        self._package, self._store = Path(package), Path(store) if store else None
        self._modules = _module_files(self._package)
        self._read: dict[Path, _File] = {}
        self._known: dict[str, tuple[str, list[str]]] = {}
        if self._store:
            with suppress(OSError, ValueError):
                self._known = json.loads(self._store.read_bytes())
        self._stored = len(self._known)

    def of(self, script: Path | str, *others: Path | str) -> str:
        """The digest of a script, 16 hex digits.

        Args:
            script: the file.
            others: modules of the package that it imports by a name that is computed.

        Raises:
            SyntaxError: it, or a module that it imports, is no Python.
        """
        script = Path(script)
        reached, ahead = set(), [script, *map(Path, others)]
        while ahead:
            path = ahead.pop()
            reached.add(path)
            names = self._file(path).imports
            ahead += {file for name in names for file in self._modules.get(name, ())} - reached
        if len(self._known) > self._stored:
            self._save()
        library = sorted(
            (path.relative_to(self._package).as_posix(), self._file(path).digest)
            for path in reached - {script}
        )
        return hashlib.sha256(repr((self._file(script).digest, library)).encode()).hexdigest()[:16]

    def _file(self, path: Path) -> _File:
        if path not in self._read:
            content = path.read_bytes()
            # With its path, on which relative imports hang.
            key = hashlib.sha256(f"{os.path.relpath(path, self._package)}\0".encode() + content).hexdigest()
            if key not in self._known:
                self._known[key] = _parse(content, path, self._package)
            self._read[path] = _File(*self._known[key])
        return self._read[path]

    def _save(self) -> None:
        self._stored = len(self._known)
        if self._store:
            temporary = self._store.with_name(f"{self._store.name}.{os.getpid()}")
            with suppress(OSError):  # then the next plan parses again
                self._store.parent.mkdir(exist_ok=True)
                temporary.write_text(json.dumps(self._known), encoding="ascii")
                os.replace(temporary, self._store)


def _parse(content: bytes, path: Path, package: Path) -> _File:
    tree = ast.parse(content, str(path))
    names = {name for name in _imported(tree, path, package) if name.split(".")[0] == package.name}
    return _File(hashlib.sha256(_outline(tree).encode()).hexdigest(), sorted(names))


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
