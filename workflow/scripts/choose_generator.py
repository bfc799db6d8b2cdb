"""Rule choose_generator: the generator that makes winter, from a training or from a file of the user's."""

from pathlib import Path

from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job
from snowdrift.snow.best_epoch import chosen_epoch
from snowdrift.snow.translator import load_translator
from snowdrift.snow.translators.cyclegan.weights import weight_file

with job(snakemake.log[0], snakemake.output) as logger:
    translator = load_translator(snakemake.wildcards.translator).from_config({}, seed=0)
    if given := snakemake.input.get("pretrained"):
        source = Path(given)
    else:
        epoch = {"last": "latest"}.get(snakemake.params.epoch, snakemake.params.epoch)
        if compared := snakemake.input.get("epochs"):
            epoch = chosen_epoch(read_table(compared))
        source = weight_file(Path(snakemake.input.snapshots), epoch, translator.generator)
    translator.load(source)
    network = translator.network
    logger.info("%s: ResNet generator, %d filters, %d blocks", source, network.filters, network.blocks)
    translator.save(snakemake.output.generator)
