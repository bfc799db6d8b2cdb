"""Rule choose_generator: the generator that makes winter, from the training or from a file of the user's."""

from pathlib import Path

from snowdrift.runtime.job import job
from snowdrift.snow.translators.cyclegan.weights import load_generator, save_network, weight_file

with job(snakemake.log[0], snakemake.output) as logger:
    if given := snakemake.input.get("pretrained"):
        source = Path(given)
    else:
        epoch = "latest" if snakemake.params.epoch == "last" else snakemake.params.epoch
        source = weight_file(Path(snakemake.input.snapshots), epoch, "G_A")
    generator = load_generator(source)
    logger.info("%s: ResNet generator, %d filters, %d blocks", source, generator.filters, generator.blocks)
    save_network(generator, snakemake.output.generator)
