# Attack: photographs changed so slightly that one hardly sees it, which the snow generator then leaves alone.
#
# Needs: data/frames.parquet, the test videos' frames, snow/cyclegan/generator.pth, and attack.transfer where it is set.
# Makes: attack/images.csv, attack/{shards,traces,pictures}/<n>, attack/{results,summary}.csv, attack/traces.parquet,
#        attack/protected.png, attack/progress.svg

ATTACK_SHARDS = range(config["attack"]["shards"])


rule attack:
    """Target: the attack chapter's tables and figures."""
    input:
        f"{RESULTS}/attack/results.csv",
        f"{RESULTS}/attack/summary.csv",
        f"{RESULTS}/attack/protected.png",
        f"{RESULTS}/attack/progress.svg",


rule choose_attack_images:
    """Draw the photographs to protect, from test videos alone."""
    input:
        frames=FRAMES,
    output:
        images=f"{RESULTS}/attack/images.csv",
        digests=f"{RESULTS}/digests/choose_attack_images.csv",
    log:
        f"{RESULTS}/logs/choose_attack_images.log",
    benchmark:
        f"{RESULTS}/benchmarks/choose_attack_images.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("choose_attack_images"),
        runtime=minutes("choose_attack_images"),
    params:
        images=config["attack"]["images"],
        seed=config["seed"],
        code=code("choose_attack_images"),
    script:
        "../workflow/scripts/choose_attack_images.py"


rule attack_shard:
    """Attack one shard of the photographs by every method, and by gradients for the ceiling."""
    input:
        **({"second": config["attack"]["transfer"]} if config["attack"]["transfer"] else {}),
        images=rules.choose_attack_images.output.images,
        generator=f"{RESULTS}/snow/{TRANSLATOR}/generator.pth",
    output:
        table=f"{RESULTS}/attack/shards/{{shard}}.csv",
        traces=f"{RESULTS}/attack/traces/{{shard}}.parquet",
        pictures=directory(f"{RESULTS}/attack/pictures/{{shard}}"),
        digests=f"{RESULTS}/digests/attack_shard/{{shard}}.csv",
    log:
        f"{RESULTS}/logs/attack_shard/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/attack_shard/{{shard}}.tsv"
    retries: RETRIES
    conda:
        ENVIRONMENT
    threads: config["attack"]["threads"]
    resources:
        gpu=gpus(),
        mem_mb=memory("attack_shard"),
        runtime=minutes("attack_shard"),
    params:
        settings=settings(
            "attack",
            "size",
            "epsilon",
            "success",
            "queries",
            "methods",
            "ceiling_steps",
            "batch_size",
        ),
        shards=config["attack"]["shards"],
        root=without_rerun(FRAME_ROOT),
        seed=config["seed"],
        device=config["device"],
        code=code("attack_shard"),
    script:
        "../workflow/scripts/attack_shard.py"


rule summarise_attack:
    """Put the shards into one table, and sum it up with intervals."""
    input:
        shards=expand(rules.attack_shard.output.table, shard=ATTACK_SHARDS),
        traces=expand(rules.attack_shard.output.traces, shard=ATTACK_SHARDS),
    output:
        results=f"{RESULTS}/attack/results.csv",
        summary=f"{RESULTS}/attack/summary.csv",
        traces=f"{RESULTS}/attack/traces.parquet",
        digests=f"{RESULTS}/digests/summarise_attack.csv",
    log:
        f"{RESULTS}/logs/summarise_attack.log",
    benchmark:
        f"{RESULTS}/benchmarks/summarise_attack.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("summarise_attack"),
        runtime=minutes("summarise_attack"),
    params:
        code=code("summarise_attack"),
    script:
        "../workflow/scripts/summarise_attack.py"


rule draw_attack:
    """Draw protected photographs with what becomes of them, and how far attacks came over queries."""
    input:
        results=rules.summarise_attack.output.results,
        traces=rules.summarise_attack.output.traces,
        pictures=ancient(expand(f"{RESULTS}/attack/pictures/{{shard}}", shard=ATTACK_SHARDS)),
        digests=expand(rules.attack_shard.output.digests, shard=ATTACK_SHARDS),
    output:
        sheet=report(
            f"{RESULTS}/attack/protected.png",
            caption="../workflow/report/attack_protected.rst",
            category="Attack",
            labels={"figure": "Protected photographs"},
        ),
        curves=report(
            f"{RESULTS}/attack/progress.svg",
            caption="../workflow/report/attack_progress.rst",
            category="Attack",
            labels={"figure": "Progress over queries"},
        ),
        digests=f"{RESULTS}/digests/draw_attack.csv",
    log:
        f"{RESULTS}/logs/draw_attack.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_attack.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("draw_attack"),
        runtime=minutes("draw_attack"),
    params:
        method=config["attack"]["methods"][0],
        photographs=config["report"]["protected"],
        queries=config["attack"]["queries"],
        code=code("draw_attack"),
    script:
        "../workflow/scripts/draw_attack.py"
