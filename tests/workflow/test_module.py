"""The whole study as a module of another workflow, which has rules and scripts of the same names."""

import re
import shutil
from pathlib import Path

import forked
from conftest import REPOSITORY, TINY, fingerprint
from studies import ENVIRONMENT, Run

SNAKEFILE = f'''
configfile: "config/config.yaml"

module snowdrift:
    snakefile: "{REPOSITORY}/Snakefile"
    config: config

use rule * from snowdrift as winter_*
'''
BESIDE = """
rule contact_sheet:
    output: "sheet.txt"
    script: "scripts/contact_sheet.py"
"""
TRIGGERS = ["--rerun-triggers", "mtime", "params", "input", "software-env"]


def test_a_workflow_of_five_lines_takes_over_a_study_and_goes_on(tiny_study: Path, tmp_path: Path):
    folder = Path(shutil.copytree(tiny_study, tmp_path / "study", symlinks=True))
    before = fingerprint(folder)
    (folder / "config").mkdir()
    shutil.copy(TINY, folder / "config/config.yaml")
    (folder / "Snakefile").write_text(SNAKEFILE + BESIDE)
    (folder / "scripts").mkdir()
    (folder / "scripts/contact_sheet.py").write_text("open(snakemake.output[0], 'w').write('theirs')\n")

    def run(*arguments: str) -> Run:
        return call(folder, *arguments)

    # The page shows the command that made it; nothing else depends on who calls the rules.
    ran = re.findall(r"^(?:local)?rule (\w+):$", run("winter_all").text, re.MULTILINE)
    assert ran == ["winter_make_report", "winter_all"]
    (folder / "results/tiny/snow/contact_sheet.jpg").unlink()
    done = run("sheet.txt", "winter_all")
    assert done.status == 0, done.text
    assert (folder / "sheet.txt").read_text() == "theirs"
    assert "rule winter_contact_sheet" in done.text and "rule winter_train_cyclegan" not in done.text
    assert fingerprint(folder) == before
    assert run("winter_verify").status == 0


def call(folder: Path, *arguments: str) -> Run:
    """Snakemake in that folder, as its own user would call it there."""
    return Run(*forked.run([*arguments, "--cores", "2", *TRIGGERS], folder, {**ENVIRONMENT}))
