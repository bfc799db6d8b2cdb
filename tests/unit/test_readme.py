"""README.md and README.ko.md: the same in two languages, with links and commands that work."""

import re
from pathlib import Path

import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[2]
ENGLISH, KOREAN = ((REPOSITORY / name).read_text() for name in ("README.md", "README.ko.md"))
GUIDES = ["README.md", "README.ko.md", "docs/bring-your-own.md", "docs/operating.md", "docs/study.md"]


def outline(text: str) -> dict[str, object]:
    """What has to be equal whatever the language."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return {
        "headings": re.findall(r"^(#+) ", prose, re.MULTILINE),
        "lists": re.findall(r"^\d+\. ", prose, re.MULTILINE),
        "links": sorted(re.findall(r"\]\(([^)]+)\)", prose)),
        "commands": [
            re.sub(r"\s+#.*", "", line) for kind, block in blocks if kind for line in block.splitlines()
        ],
        "places": [line.split()[0] for kind, block in blocks if not kind for line in block.splitlines()],
        "code": sorted(set(re.findall(r"`([^`\n]+)`", prose))),
        "figures": sorted(re.findall(r"\d[\d,.]*\d", re.sub(r"`[^`]*`|\]\([^)]*\)", "", prose))),
        "rows": [line.count("|") for line in prose.splitlines() if line.startswith("|")],
    }


def test_the_korean_readme_is_in_step_with_the_english_one():
    english, korean = outline(ENGLISH), outline(KOREAN)
    for part in english:
        assert korean[part] == english[part], part


@pytest.mark.parametrize("name", GUIDES)
def test_links_lead_to_files_and_headings_that_are_there(name: str):
    page = REPOSITORY / name
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if link.startswith("http"):
            continue
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        slugs = (
            {
                re.sub(r"[^\w -]", "", line.lstrip("#").strip().lower()).replace(" ", "-")
                for line in target.read_text().splitlines()
                if line.startswith("#")
            }
            if heading
            else set()
        )
        assert not heading or heading in slugs, link


def test_make_targets_that_the_guides_name_are_there():
    targets = set(re.findall(r"^([\w-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = {
        word
        for name in GUIDES
        for word in re.findall(r"(?:`|\$ )make ([a-z-]+)", (REPOSITORY / name).read_text())
    }
    assert {"demo", "doctor", "watch", "env"} <= named <= targets


def test_the_picture_is_small():
    path = REPOSITORY / "docs/images/finding.jpg"
    assert path.stat().st_size < 300_000
    assert Image.open(path).width > 1000
