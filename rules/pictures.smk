# Pictures: a plain folder of pictures made wintry, without labels, splits or detectors.
#
# Needs: pictures.folder, pictures.output, and the generator of pictures.translator.
# Makes: pictures/{pictures.parquet,rejected.csv,placed.csv}, pictures/shards/<n>.parquet, pictures/frames/, and links to
#        these in pictures.output

OWN_PICTURES = config["pictures"]


rule list_pictures:
    """Find and check the pictures of the folder."""
    output:
        pictures=f"{RESULTS}/pictures/pictures.parquet",
        digests=f"{RESULTS}/digests/list_pictures.csv",
    log:
        f"{RESULTS}/logs/list_pictures.log",
    benchmark:
        f"{RESULTS}/benchmarks/list_pictures.tsv"
    conda:
        ENVIRONMENT
    threads: 16
    resources:
        mem_mb=memory("list_pictures"),
        runtime=minutes("list_pictures"),
    params:
        max_rejected=config["data"]["max_rejected"],
        folder=OWN_PICTURES["folder"],
        output=OWN_PICTURES["output"],
        data=lambda wildcards: OWN_PICTURES["folder"]
        and folder_fingerprint(OWN_PICTURES["folder"], f"{RESULTS}/pictures/pictures.parquet"),
        code=code("list_pictures"),
    script:
        "../workflow/scripts/list_pictures.py"


rule winterize_pictures:
    """Turn one shard of the pictures into winter, under the names that they have."""
    input:
        pictures=rules.list_pictures.output.pictures,
        generator=f"{RESULTS}/snow/{OWN_PICTURES['translator']}/generator.pth",
    output:
        manifest=f"{RESULTS}/pictures/shards/{{shard}}.parquet",
        digests=f"{RESULTS}/digests/winterize_pictures/{{shard}}.csv",
    log:
        f"{RESULTS}/logs/winterize_pictures/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/winterize_pictures/{{shard}}.tsv"
    retries: RETRIES
    conda:
        ENVIRONMENT
    threads: config["winterize"]["threads"]
    resources:
        gpu=0 if OWN_PICTURES["translator"] in WITHOUT_GPU else gpus(),
        mem_mb=memory("winterize_pictures"),
        runtime=minutes("winterize_pictures"),
        save_minutes=SAVE_MINUTES,
    params:
        settings=settings("winterize", "size", "quality", "batch_size"),
        name=OWN_PICTURES["translator"],
        translator=(
            {}
            if OWN_PICTURES["translator"] in TRAINED
            else config.get(OWN_PICTURES["translator"], {})
        ),
        shards=OWN_PICTURES["shards"],
        folder=OWN_PICTURES["folder"],
        seed=config["seed"],
        device="cpu" if OWN_PICTURES["translator"] in WITHOUT_GPU else config["device"],
        code=code(
            "winterize_pictures",
            plugin=lambda wildcards: translator_modules()[OWN_PICTURES["translator"]],
        ),
    script:
        "../workflow/scripts/winterize_pictures.py"


rule pictures:
    """Target: winter versions of all pictures of a folder. Runs whenever it is asked for: what is missing is put back."""

    # No output: Snakemake would delete what else is in the user's folder. So no benchmark, whose file would be one.
    input:
        manifests=expand(
            f"{RESULTS}/pictures/shards/{{shard}}.parquet", shard=range(OWN_PICTURES["shards"])
        ),
    log:
        f"{RESULTS}/logs/pictures.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("pictures"),
        runtime=minutes("pictures"),
    params:
        folder=OWN_PICTURES["output"],
        record=f"{RESULTS}/pictures/placed.csv",
        code=code("pictures"),
    script:
        "../workflow/scripts/pictures.py"
