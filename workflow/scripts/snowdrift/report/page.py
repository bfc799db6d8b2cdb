"""The report: one page that needs no other file and no network."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from plotly.offline import get_plotlyjs

from snowdrift.data.sets import ORIGINAL
from snowdrift.report.blocks import Section
from snowdrift.report.sections.attack import AttackFiles, attack_section
from snowdrift.report.sections.data import data_section
from snowdrift.report.sections.detection import cross_domain_section, detections_section
from snowdrift.report.sections.files import StudyFiles
from snowdrift.report.sections.finding import finding
from snowdrift.report.sections.headline import Headline, headline
from snowdrift.report.sections.run import run_section
from snowdrift.report.sections.snow import snow_section, winter_section
from snowdrift.report.sections.translators import costs_of
from snowdrift.report.sections.true_winter import TrueWinterFiles, opening, true_winter_section
from snowdrift.report.sections.xray import XrayFiles, xray_section
from snowdrift.report.tables import drawn_units
from snowdrift.runtime.files import atomic_path, read_table
from snowdrift.snow.names import used_translators

logger = logging.getLogger(__name__)


def build_report(
    files: StudyFiles,
    true_winter: TrueWinterFiles | None,
    xray: XrayFiles | None,
    attack: AttackFiles | None,
    config: Mapping[str, Any],
    *,
    template: Path,
    benchmarks: Path,
    command: str,
    output: Path,
) -> None:
    """Write the report of one study.

    Args:
        files: the study's tables and pictures.
        true_winter: those of true winter; None if no set shows any.
        xray: those of the X-ray chapter; None where it was not run.
        attack: those of the attack chapter; None where it was not run.
        config: the complete configuration.
        template: the page's Jinja2 template.
        benchmarks: folder of Snakemake's benchmark files.
        command: the command that the study was run with.
        output: the HTML file.
    """
    cross_domain, left_out = read_table(files.cross_domain), read_table(files.left_out)
    costs = costs_of(used_translators(config), read_table(files.frames), files.losses, benchmarks, config)
    chapters = [
        true_winter_section(true_winter, cross_domain, left_out, config, costs),
        winter_section(files, config),
        snow_section(files, config),
        cross_domain_section(files, config),
        detections_section(files),
        *([xray_section(xray, config)] if xray else []),
        *([attack_section(attack, config)] if attack else []),
        data_section(files, config),
        run_section(config, benchmarks, command),
    ]
    answer = headline(finding(cross_domain, left_out), drawn_units(config, ORIGINAL))
    page = render_page(config["study"], opening(cross_domain, left_out, config), answer, chapters, template)
    with atomic_path(output) as temporary:
        temporary.write_text(page, encoding="utf-8")
    logger.info("%s: %.1f MB", output, output.stat().st_size / 1e6)


def render_page(
    study: str, opening: str, answer: Headline, chapters: Sequence[Section], template: Path
) -> str:
    """Fill the template. All text is escaped, so names of videos and files cannot break the page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template.name).render(
        study=study,
        opening=opening,
        nonce=secrets.token_urlsafe(),  # what the page's own script has, and none that a name smuggles in
        plotly=get_plotlyjs(),
        headline=answer,
        sections=chapters,
        made_on=datetime.now().astimezone().strftime("%d %B %Y, %H:%M %Z"),
    )
