"""Rule compare_epochs: how near each snapshot's winter is to the style, and whether the labels stay true."""

from pathlib import Path

from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.files import read_table, write_table
from snowdrift.runtime.job import job
from snowdrift.snow.epochs import compare_epochs, frames_to_compare
from snowdrift.snow.translator import load_translator
from snowdrift.snow.winterize import WinterSettings

with (
    job(snakemake.log[0], snakemake.output),
    leased_devices(snakemake.params.device, granted=snakemake.resources.gpu) as (device,),
):
    frames, boxes, style = (read_table(snakemake.input[name]) for name in ("frames", "boxes", "style"))
    style_root = Path(snakemake.params.style_root or snakemake.input.style_root)
    translator = load_translator(snakemake.wildcards.translator).from_config({}, snakemake.params.seed)
    table = compare_epochs(
        translator,
        Path(snakemake.input.snapshots),
        frames_to_compare(frames, boxes, Path(snakemake.params.root)),
        [style_root / image for image in style["image"]],
        WinterSettings(**snakemake.params.settings),
        device,
    )
    write_table(table, snakemake.output.epochs)
