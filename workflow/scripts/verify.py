"""Rule verify: read every result of the study, winter frames included, and hold it against its manifest."""

from pathlib import Path

from snowdrift.runtime.digests import damage_error, find_damage
from snowdrift.runtime.job import job
from snowdrift.snow.verify import find_winter_damage

with job(snakemake.log[0]) as logger:
    study = Path(snakemake.params.study)
    results, found = find_damage(study, snakemake.threads)
    shards = {*study.glob("snow/*/shards/*.parquet"), *study.glob("pictures/shards/*.parquet")}
    shards -= {each.file for each in found}
    frames, winter = find_winter_damage(sorted(shards), snakemake.threads)
    resized = {*study.glob("detection/cache/*/shards/*.parquet")} - {each.file for each in found}
    arrays, cached = find_winter_damage(sorted(resized), snakemake.threads)
    if damage := found + winter + cached:
        raise damage_error(damage, snakemake.params.rules, snakemake.params.options)
    logger.info("all %d results and %d winter frames are as they were made", results, frames)
    if arrays:
        logger.info("and so are all %d frames at the detectors' size", arrays)
