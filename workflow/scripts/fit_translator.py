"""Rule fit_translator: what a translator that no rule trains learns of the style pictures."""

from pathlib import Path

from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job
from snowdrift.snow.translator import load_translator

with job(snakemake.log[0], snakemake.output) as logger:
    kind = load_translator(snakemake.wildcards.translator)
    translator = kind.from_config(snakemake.params.translator, snakemake.params.seed)
    style = snakemake.input.get("style")
    root = Path(snakemake.params.style_root or snakemake.input.get("style_root", ""))
    pictures = [root / image for image in read_table(style)["image"]] if style else []
    translator.fit(pictures)
    logger.info("%s: fitted, %d style pictures", kind.name, len(pictures))
    translator.save(snakemake.output.generator)
