# Snow: the CycleGAN, the winter version of every frame, and the proof that it is whole.
#
# Needs: data/frames.parquet, data/style.parquet, and the pictures themselves.
# Makes: snow/cyclegan/ (unless cyclegan.pretrained names a generator), snow/generator.pth,
#        snow/frames/<video>/images/<name>, snow/shards/<n>.parquet, snow/contact_sheet.jpg

WINTER_ROOT = f"{RESULTS}/snow/frames"
MANIFESTS = [
    f"{RESULTS}/snow/shards/{shard}.parquet" for shard in range(config["winterize"]["shards"])
]
PRETRAINED = config["cyclegan"]["pretrained"]


rule snow:
    """Target: all winter frames and a look at them."""
    input:
        MANIFESTS,
        f"{RESULTS}/snow/contact_sheet.jpg",
        [] if PRETRAINED else f"{RESULTS}/snow/cyclegan/losses.svg",


rule choose_training_images:
    """Draw the CycleGAN's frames, from training videos alone, and its snow photographs."""
    input:
        frames=FRAMES,
        style=f"{RESULTS}/data/style.parquet",
    output:
        frames=f"{RESULTS}/snow/training_frames.csv",
        style=f"{RESULTS}/snow/training_style.csv",
    log:
        f"{RESULTS}/logs/choose_training_images.log",
    benchmark:
        f"{RESULTS}/benchmarks/choose_training_images.tsv"
    priority: CRITICAL
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        **settings("cyclegan", "frames", "style_images"),
        seed=config["seed"],
    script:
        "../workflow/scripts/choose_training_images.py"


rule train_cyclegan:
    """Learn to turn summer frames into winter ones, from unpaired pictures."""
    input:
        frames=f"{RESULTS}/snow/training_frames.csv",
        style=f"{RESULTS}/snow/training_style.csv",
        frame_root=FRAME_ROOT,
        style_root=STYLE_ROOT,
    output:
        snapshots=directory(f"{RESULTS}/snow/cyclegan/snapshots"),
        samples=directory(f"{RESULTS}/snow/cyclegan/samples"),
        losses=f"{RESULTS}/snow/cyclegan/losses.csv",
    log:
        f"{RESULTS}/logs/train_cyclegan.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_cyclegan.tsv"
    priority: CRITICAL
    retries: RETRIES
    conda:
        ENVIRONMENT
    threads: config["cyclegan"]["threads"]
    resources:
        gpu=GPU,
        mem_mb=16000,
        runtime=7200,
        save_minutes=SAVE_MINUTES,
    params:
        settings=settings(
            "cyclegan",
            "resize",
            "load_size",
            "crop_size",
            "batch_size",
            "filters",
            "blocks",
            "discriminator_filters",
            "epochs",
            "decay_epochs",
            "learning_rate",
            "lambda_cycle",
            "lambda_identity",
            "pool_size",
            "snapshot_every",
        ),
        seed=config["seed"],
        device=config["device"],
        state=f"{STATE}/train_cyclegan",
    script:
        "../workflow/scripts/train_cyclegan.py"


rule plot_losses:
    """Plot the CycleGAN's losses over its epochs."""
    input:
        losses=rules.train_cyclegan.output.losses,
    output:
        figure=report(
            f"{RESULTS}/snow/cyclegan/losses.svg",
            caption="../workflow/report/losses.rst",
            category="Snow",
            labels={"figure": "CycleGAN losses"},
        ),
    log:
        f"{RESULTS}/logs/plot_losses.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_losses.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    script:
        "../workflow/scripts/plot_losses.py"


rule choose_generator:
    """Take the generator that makes winter: a snapshot of the training, or the file the config names."""
    input:
        **(
            {"pretrained": PRETRAINED}
            if PRETRAINED
            else {"snapshots": rules.train_cyclegan.output.snapshots}
        ),
    output:
        generator=f"{RESULTS}/snow/generator.pth",
    log:
        f"{RESULTS}/logs/choose_generator.log",
    benchmark:
        f"{RESULTS}/benchmarks/choose_generator.tsv"
    priority: CRITICAL
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        epoch=config["winterize"]["epoch"],
    script:
        "../workflow/scripts/choose_generator.py"


rule winterize_shard:
    """Turn one shard of all frames into winter frames, and write down their digests."""
    input:
        frames=FRAMES,
        root=FRAME_ROOT,
        generator=rules.choose_generator.output.generator,
    output:
        manifest=f"{RESULTS}/snow/shards/{{shard}}.parquet",
    log:
        f"{RESULTS}/logs/winterize_shard/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/winterize_shard/{{shard}}.tsv"
    priority: CRITICAL
    retries: RETRIES
    conda:
        ENVIRONMENT
    threads: config["winterize"]["threads"]
    resources:
        gpu=GPU,
        mem_mb=8000,
        runtime=1440,
        save_minutes=SAVE_MINUTES,
    params:
        settings=settings("winterize", "size", "format", "quality", "batch_size"),
        shards=config["winterize"]["shards"],
        winter_root=WINTER_ROOT,
        device=config["device"],
        state=f"{STATE}/winterize_shard/{{shard}}",
    script:
        "../workflow/scripts/winterize_shard.py"


rule contact_sheet:
    """Put originals beside their winter versions, for the eye."""
    input:
        frames=FRAMES,
        boxes=BOXES,
        root=FRAME_ROOT,
        manifests=MANIFESTS,
    output:
        figure=report(
            f"{RESULTS}/snow/contact_sheet.jpg",
            caption="../workflow/report/contact_sheet.rst",
            category="Snow",
            labels={"figure": "Original and winter frames"},
        ),
    log:
        f"{RESULTS}/logs/contact_sheet.log",
    benchmark:
        f"{RESULTS}/benchmarks/contact_sheet.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        winter_root=WINTER_ROOT,
        pairs=config["report"]["pairs"],
    script:
        "../workflow/scripts/contact_sheet.py"


rule verify:
    """Target: read every winter frame and hold it against its manifest. Runs whenever it is asked for."""
    input:
        frames=FRAMES,
        manifests=MANIFESTS,
    # No benchmark: Snakemake would take its file for an output, and the rule for done.
    log:
        f"{RESULTS}/logs/verify.log",
    conda:
        ENVIRONMENT
    threads: 8
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        winter_root=WINTER_ROOT,
    script:
        "../workflow/scripts/verify.py"
