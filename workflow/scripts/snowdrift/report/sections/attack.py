"""The report's section on the nullifying attack."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from snowdrift.attack.names import TRANSFORMATIONS
from snowdrift.report.blocks import Figure, Section, Table, Text
from snowdrift.report.charts.study import attack_chart
from snowdrift.report.figures.attack import MAGNIFIED, ceiling_of
from snowdrift.report.figures.pictures import data_uri
from snowdrift.report.tables import between
from snowdrift.runtime.files import read_table

_TITLES = ("8 bits", "JPEG 95", "JPEG 85", "JPEG 75", "3/4 and back", "second generator")


@dataclass(frozen=True)
class AttackFiles:
    """The files of the chapter that the report shows, all of them below `attack/`."""

    results: Path
    summary: Path
    protected: Path
    traces: Path


def attack_section(files: AttackFiles, config: Mapping[str, Any]) -> Section:
    """Whether photographs can be kept from the snow generator, how many queries it takes, and whether it lasts."""
    rows, summary = read_table(files.results), read_table(files.summary)
    settings = config["attack"]
    return Section(
        "attack",
        "Can a photograph be protected against the snow?",
        [
            Text(_answer(rows, summary, settings)),
            Text(_ceiling(rows, settings)),
            Figure(
                data_uri(files.protected),
                "Photographs, their winter, the same protected, the change, and what the generator makes of it",
                f"Better and worse ones of `{settings['methods'][0]}`, beside the ceiling. The change is magnified "
                f"{MAGNIFIED} times about gray. Score: the share of the translation that is gone, of the 8-bit "
                "picture.",
                wide=True,
            ),
            attack_chart(rows, read_table(files.traces), settings["queries"], settings["success"]),
            *_unmoved(rows, settings["queries"]),
            _reached(summary),
            _lasting(summary),
        ],
    )


def _answer(rows: pd.DataFrame, summary: pd.DataFrame, settings: Mapping[str, Any]) -> str:
    first = summary.set_index("method").loc[settings["methods"][0]]
    images = int(first["images"])
    if images == 0:
        return (
            "The generator hardly changes any of these photographs, so there is nothing to protect them from."
        )
    done = round(float(first["success_rate"]) * images)
    left_alone = rows["image"].nunique() - images
    if not (rows.loc[rows["method"] == first.name, "linf"] > 0).any():
        return f"{first.name} changed none of {images} photographs, so none was protected."
    text = (
        f"{done} of {images} photographs were protected by changes of at most {settings['epsilon']:g} (values "
        f"run from -1 to 1; {first['mean_psnr']:.1f} dB PSNR, SSIM {first['mean_ssim']:.2f}). Protected means that "
        f"the generator, of which the attack sees nothing but its outputs, leaves at least {settings['success']:.0%} "
        f"of its change undone; on average it left {first['mean_score']:.0%} undone."
    )
    if done:
        text += (
            f" It took {between(first, 'mean_queries', ',.0f')} queries on average, photographs that were "
            "not protected counted with their whole budget."
        )
    if left_alone:
        text += f" {left_alone} more do not count: the generator hardly changes them."
    return text


def _ceiling(rows: pd.DataFrame, settings: Mapping[str, Any]) -> str:
    """What gradients reach; where that is little, why."""
    rows = rows[rows["is_attackable"]]
    if rows.empty:
        return "No ceiling was taken."
    best = ceiling_of(rows)
    strength = (best["translation_energy"] / (3 * settings["size"] ** 2)).pow(0.5).mean()
    text = (
        f"The ceiling is the best that attacks reached which see the gradients ({settings['ceiling_steps']} steps): "
        f"{best['success'].sum()} of {len(best)} protected, mean score {best['score'].mean():.2f}. Hold the "
        "black-box attacks against that."
    )
    if best["score"].mean() >= settings["success"]:
        return text
    if strength > settings["epsilon"]:
        return text + (
            f" The generator changes these photographs by {strength:.2f} (root mean square), where "
            f"{settings['epsilon']:g} may be spent against it: the last pictures of each row show how much of its "
            "change even gradients leave."
        )
    return text + " More steps may raise it."


def _unmoved(rows: pd.DataFrame, queries: int) -> list[Text]:
    """Attacks that changed nothing, lest their zeros be read as what they can do."""
    change = rows.groupby("method", sort=False)["linf"].max()
    names = ", ".join(change.index[change == 0])
    if not names:
        return []
    return [
        Text(
            f"No photograph was changed by {names}: a first step may cost more than the {queries:,} queries that "
            "attack.queries allows a photograph."
        )
    ]


def _reached(summary: pd.DataFrame) -> Table:
    return Table(
        "What each attack reached, with 95 % intervals over videos. The first two see the gradients. Protected: the "
        "answer is above attack.success; ever passed: any candidate was. A photograph that never came so far counts "
        "with its whole budget of queries",
        [
            "attack",
            "photographs",
            "protected",
            "ever passed",
            "mean queries",
            "mean score",
            "half of the ceiling",
            "queries to that half",
            "score of the first attack less this",
            "PSNR, dB",
            "SSIM",
        ],
        [
            [
                row["method"],
                int(row["images"]),
                between(row, "success_rate", ".0%"),
                between(row, "passed_rate", ".0%"),
                between(row, "mean_queries", ",.0f"),
                between(row, "mean_score", ".2f"),
                between(row, "half_ceiling_rate", ".0%"),
                between(row, "mean_half_ceiling_queries", ",.0f"),
                between(row, "score_lead", "+.2f") if "score_lead" in row else "none",
                float(row["mean_psnr"]),
                float(row["mean_ssim"]),
            ]
            for row in summary.to_dict("records")
        ],
        decimals=2,
    )


def _lasting(summary: pd.DataFrame) -> Table:
    columns = [f"mean_score_{name}" for name in (*TRANSFORMATIONS, "transfer")]
    used = {name: title for name, title in zip(columns, _TITLES, strict=True) if summary[name].notna().any()}
    return Table(
        "Does the protection last? Mean score after what happens to pictures on their way",
        ["attack", "as it is", *used.values()],
        [
            [row["method"], *(between(row, name, ".2f") for name in ("mean_score", *used))]
            for row in summary.to_dict("records")
        ],
        decimals=2,
    )
