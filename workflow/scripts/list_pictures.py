"""Rule list_pictures: find and check the pictures of a plain folder."""

from pathlib import Path

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import write_table
from snowdrift.runtime.fingerprints import file_fingerprints, record_fingerprints
from snowdrift.runtime.job import job
from snowdrift.snow.folder import check_apart, list_pictures

table = snakemake.output.pictures
rejected = Path(table).with_name("rejected.csv")
with job(snakemake.log[0], snakemake.output, beside={rejected: table}):
    if snakemake.params.folder is None:
        raise SnowdriftError(
            "pictures.folder: null, so there are no pictures to translate", "make winter IN=photos OUT=winter"
        )
    root = Path(snakemake.params.folder)
    check_apart(root, Path(snakemake.params.output))
    stamps = file_fingerprints(root)
    options = {"max_rejected": snakemake.params.max_rejected, "workers": snakemake.threads}
    write_table(list_pictures(root, rejected=rejected, **options), table)
    record_fingerprints(root, stamps, snakemake.params.data, table, threads=snakemake.threads)
