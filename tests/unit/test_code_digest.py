"""The digest of a script's code: what counts and what does not; and that every script rule carries it."""

import re
from pathlib import Path

import pytest

from snowdrift.runtime.code_digest import CodeDigests

REPOSITORY = Path(__file__).parents[2]
FILES = {
    "script.py": '"""What it does."""\nfrom house.attic import box\nbox.open(1)\n',
    "house/__init__.py": "",
    "house/attic/__init__.py": "SIZE = 3\n",
    "house/attic/box.py": "from . import lid\n\ndef open(n):\n    from house.cellar import coal\n    return n\n",
    "house/attic/lid.py": "import json\nLID = 'oak'\n'''What the lid is of.'''\n",
    "house/cellar.py": "import house.garden.shed\ncoal = 1.0\n",
    "house/garden/__init__.py": "",
    "house/garden/shed.py": "from ..garden import gate\n",
    "house/garden/gate.py": "GATE = None\n",
    "house/other.py": "X = 1\n",
}


def write(folder: Path, changes: dict[str, str]) -> Path:
    """The script and its package, with these files in place of the original ones."""
    for name, text in {**FILES, **changes}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def digest(folder: Path, changes: dict[str, str]) -> str:
    return CodeDigests(write(folder, changes) / "house").of(folder / "script.py")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("script.py", "open(1)", "open(2)"),
        ("script.py", "open(1)", "open(True)"),
        ("house/__init__.py", "", "X = 1"),
        ("house/attic/__init__.py", "3", "4"),
        ("house/attic/box.py", "return n", "return -n"),
        ("house/attic/lid.py", "oak", "elm"),
        ("house/cellar.py", "1.0", "1"),
        ("house/garden/shed.py", "gate", "gate as door"),
        ("house/garden/gate.py", "None", "0"),
    ],
)
def test_code_of_the_script_and_of_all_that_it_imports_counts(tmp_path: Path, file: str, old: str, new: str):
    changed = FILES[file].replace(old, new) if old else new
    assert digest(tmp_path / "a", {}) != digest(tmp_path / "b", {file: changed})


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("script.py", "What it does", "What else it does"),
        ("script.py", "open(1)", "open(\n    1,  # the first\n)"),
        ("house/attic/box.py", "    return n", '    """Opens it."""\n\n    return (n)'),
        ("house/attic/lid.py", "'oak'", '"oak"'),
        ("house/attic/lid.py", "What the lid is of", "Its wood"),
        ("house/other.py", "1", "2"),
    ],
)
def test_comments_docstrings_formatting_and_other_modules_do_not_count(
    tmp_path: Path, file: str, old: str, new: str
):
    assert old in FILES[file]
    changed = FILES[file].replace(old, new)
    assert digest(tmp_path / "a", {}) == digest(tmp_path / "b", {file: changed})


def test_a_store_changes_nothing_but_the_time(tmp_path: Path):
    store = tmp_path / "store/digests.json"
    write(tmp_path, {})
    plain = CodeDigests(tmp_path / "house").of(tmp_path / "script.py")
    for _ in ("written", "read"):
        assert CodeDigests(tmp_path / "house", store).of(tmp_path / "script.py") == plain
    write(tmp_path, {"house/garden/gate.py": "GATE = 0"})
    changed = CodeDigests(tmp_path / "house", store).of(tmp_path / "script.py")
    assert changed == CodeDigests(tmp_path / "house").of(tmp_path / "script.py") != plain
    store.write_text('{"cut')
    assert CodeDigests(tmp_path / "house", store).of(tmp_path / "script.py") == changed


def script_rules() -> dict[str, str]:
    """Each rule with a script, by name, and its text."""
    texts = [path.read_text() for path in sorted((REPOSITORY / "rules").glob("*.smk"))]
    rules = [rule for text in texts for rule in re.split(r"^(?=rule )", text, flags=re.MULTILINE)[1:]]
    return {re.match(r"rule (\w+)", rule)[1]: rule for rule in rules if "\n    script:" in rule}


def test_every_script_rule_carries_the_digest_of_its_own_script():
    rules = script_rules()
    assert len(rules) >= 25
    assert set(rules) <= {path.stem for path in (REPOSITORY / "workflow/scripts").glob("*.py")}
    for name, text in rules.items():
        assert f'"../workflow/scripts/{name}.py"' in text, f"rule {name} runs a script of another name"
        assert re.search(rf'^        code=(translator_)?code\(\s*"{name}"', text, re.MULTILINE), (
            f'rule {name}: params lack code=code("{name}")'
        )


def test_every_script_rule_with_results_declares_the_manifest_of_its_results():
    for name, text in script_rules().items():
        script = (REPOSITORY / f"workflow/scripts/{name}.py").read_text()
        if name not in ("verify", "pictures"):  # they run whenever they are asked for
            assert f'\n        digests=f"{{RESULTS}}/digests/{name}' in text, (
                f"rule {name}: no output `digests`"
            )
            assert re.search(r"job\(\s*snakemake\.log\[0\],\s*snakemake\.output\b", script), (
                f"{name}.py: job() is not told the outputs"
            )


def test_a_module_that_is_loaded_by_its_name_counts_where_it_is_given(tmp_path: Path):
    door, wall = "house/plugins/door.py", "house/plugins/wall.py"

    def with_door(**changes: str) -> str:
        folder = write(tmp_path, {door: "from house.garden import gate", wall: "WALL = 1", **changes})
        return CodeDigests(folder / "house").of(folder / "script.py", folder / door)

    plain = with_door()
    assert plain != digest(tmp_path, {})
    assert with_door(**{wall: "WALL = 2"}) == plain
    assert with_door(**{door: "DOOR = 1"}) != plain != with_door(**{"house/garden/gate.py": "GATE = 1"})
