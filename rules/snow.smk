# Snow: the translators, the winter version of every frame by each of them, and the proof that it is whole.
#
# Needs: data/frames.parquet, data/style.parquet, and the pictures themselves.
# Makes: snow/cyclegan/{snapshots,samples,losses.csv} (unless cyclegan.pretrained names a generator), epochs.csv if the best
#        epoch is asked for, and for each translator
#        snow/<translator>/: generator.pth, frames/<video>/images/<name>, shards/<n>.parquet, quality/<n>.parquet,
#        quality.parquet, quality_by_video.csv, and video_scores.csv if the config names Inception's weights;
#        of the study's own snow/contact_sheet.jpg, snow/pairs/, and snow/true_winter.jpg if there is true winter to test on


MANIFESTS = manifests(TRANSLATOR)
INCEPTION = config["scores"]["inception_weights"]
JUDGE = [config["quality"]["detector"]] if config["quality"]["detector"] else []


rule snow:
    """Target: all winter frames and a look at them."""
    input:
        [manifests(translator) for translator in TRANSLATORS],
        expand(f"{RESULTS}/snow/{{translator}}/quality.parquet", translator=TRANSLATORS),
        f"{RESULTS}/snow/contact_sheet.jpg",
        f"{RESULTS}/snow/true_winter.jpg" if TRUE_WINTER in config["test_sets"] else [],
        [] if PRETRAINED else f"{RESULTS}/snow/cyclegan/losses.svg",


rule choose_training_images:
    """Draw the CycleGAN's frames, from training videos alone, and its snow photographs."""
    input:
        frames=FRAMES,
        style=STYLE,
    output:
        frames=f"{RESULTS}/snow/training_frames.csv",
        style=f"{RESULTS}/snow/training_style.csv",
        digests=f"{RESULTS}/digests/choose_training_images.csv",
    log:
        f"{RESULTS}/logs/choose_training_images.log",
    benchmark:
        f"{RESULTS}/benchmarks/choose_training_images.tsv"
    priority: CRITICAL
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("choose_training_images"),
        runtime=minutes("choose_training_images"),
    params:
        settings=settings("cyclegan", "frames", "style_images"),
        seed=config["seed"],
        code=code("choose_training_images"),
    script:
        "../workflow/scripts/choose_training_images.py"


rule train_cyclegan:
    """Learn to turn summer frames into winter ones, from unpaired pictures."""
    input:
        **rendered("vfp290k", "frame_root"),
        **rendered("dawn", "style_root"),
        frames=f"{RESULTS}/snow/training_frames.csv",
        style=f"{RESULTS}/snow/training_style.csv",
    output:
        snapshots=directory(f"{RESULTS}/snow/cyclegan/snapshots"),
        samples=directory(f"{RESULTS}/snow/cyclegan/samples"),
        losses=f"{RESULTS}/snow/cyclegan/losses.csv",
        digests=f"{RESULTS}/digests/train_cyclegan.csv",
        # The snapshots have a manifest of their own: losses.csv holds times, which differ after every training, and the
        # generator has to be chosen again only if the weights differ.
        snapshots_digests=f"{RESULTS}/digests/train_cyclegan/snapshots.csv",
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
        gpu=gpus("cyclegan"),
        nodes=1,  # Slurm would take GPUs of several
        mem_mb=memory("train_cyclegan"),
        runtime=minutes("train_cyclegan"),
        save_minutes=SAVE_MINUTES,
    params:
        settings=settings(
            "cyclegan",
            "resize",
            "load_size",
            "crop_size",
            "batch_size",
            "precision",
            "filters",
            "blocks",
            "discriminator_filters",
            "epochs",
            "decay_epochs",
            "learning_rate",
            "lambda_cycle",
            "lambda_identity",
            "pool_size",
            "upsampling",
            "snapshot_every",
        ),
        # A rendered folder is an input, since two studies that share it also share the training, by the cache.
        frame_root=without_rerun(FRAME_ROOT if config["data"]["vfp290k"] else None),
        style_root=without_rerun(config["data"]["dawn"]),
        seed=config["seed"],
        device=config["device"],
        code=code("train_cyclegan"),
    script:
        "../workflow/scripts/train_cyclegan.py"


rule train_cut:
    """Learn the same one way alone, by contrast between places of a picture."""
    input:
        **rendered("vfp290k", "frame_root"),
        **rendered("dawn", "style_root"),
        frames=f"{RESULTS}/snow/training_frames.csv",
        style=f"{RESULTS}/snow/training_style.csv",
    output:
        snapshots=directory(f"{RESULTS}/snow/cut/snapshots"),
        samples=directory(f"{RESULTS}/snow/cut/samples"),
        losses=f"{RESULTS}/snow/cut/losses.csv",
        digests=f"{RESULTS}/digests/train_cut.csv",
        snapshots_digests=f"{RESULTS}/digests/train_cut/snapshots.csv",
    log:
        f"{RESULTS}/logs/train_cut.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_cut.tsv"
    retries: RETRIES
    conda:
        ENVIRONMENT
    threads: config["cut"]["threads"]
    resources:
        gpu=gpus("cut"),
        nodes=1,  # Slurm would take GPUs of several
        mem_mb=memory("train_cut"),
        runtime=minutes("train_cut"),
        save_minutes=SAVE_MINUTES,
    params:
        settings=settings(
            "cut",
            "resize",
            "load_size",
            "crop_size",
            "batch_size",
            "precision",
            "filters",
            "blocks",
            "discriminator_filters",
            "epochs",
            "decay_epochs",
            "learning_rate",
            "lambda_contrast",
            "identity",
            "flip",
            "sampling",
            "snapshot_every",
        ),
        frame_root=without_rerun(FRAME_ROOT if config["data"]["vfp290k"] else None),
        style_root=without_rerun(config["data"]["dawn"]),
        seed=config["seed"],
        device=config["device"],
        code=code("train_cut"),
    script:
        "../workflow/scripts/train_cut.py"


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
        digests=f"{RESULTS}/digests/plot_losses.csv",
    log:
        f"{RESULTS}/logs/plot_losses.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_losses.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("plot_losses"),
        runtime=minutes("plot_losses"),
    params:
        code=code("plot_losses"),
    script:
        "../workflow/scripts/plot_losses.py"


rule compare_epochs:
    """Measure how near the winter of each snapshot is to the style, and how far labels stay true, on validation frames."""
    input:
        unpack(snapshots),
        **rendered("dawn", "style_root"),
        frames=FRAMES,
        boxes=BOXES,
        style=f"{RESULTS}/snow/training_style.csv",
    output:
        epochs=f"{RESULTS}/snow/{{translator}}/epochs.csv",
        digests=f"{RESULTS}/digests/compare_epochs/{{translator}}.csv",
    log:
        f"{RESULTS}/logs/compare_epochs/{{translator}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/compare_epochs/{{translator}}.tsv"
    wildcard_constraints:
        translator="|".join(TRAINED),
    priority: CRITICAL
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        gpu=gpus(),
        mem_mb=memory("compare_epochs"),
        runtime=minutes("compare_epochs"),
    params:
        settings=settings("winterize", "size", "format", "quality", "batch_size"),
        root=without_rerun(FRAME_ROOT),
        style_root=without_rerun(config["data"]["dawn"]),
        seed=config["seed"],
        device=config["device"],
        code=translator_code("compare_epochs"),
    script:
        "../workflow/scripts/compare_epochs.py"


rule choose_generator:
    """Take the generator that makes winter: a snapshot of its training, or the file the config names."""
    input:
        unpack(generator_source),
    output:
        generator=f"{RESULTS}/snow/{{translator}}/generator.pth",
        digests=f"{RESULTS}/digests/choose_generator/{{translator}}.csv",
    log:
        f"{RESULTS}/logs/choose_generator/{{translator}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/choose_generator/{{translator}}.tsv"
    wildcard_constraints:
        translator="|".join(TRAINED),
    priority: CRITICAL
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("choose_generator"),
        runtime=minutes("choose_generator"),
    params:
        epoch=lambda wildcards: used_epoch(wildcards.translator),
        code=translator_code("choose_generator"),
    script:
        "../workflow/scripts/choose_generator.py"


rule fit_translator:
    """Let a translator that no rule trains learn what it needs of the style pictures, or try what it loads."""
    input:
        unpack(style_source),
        weights=own_weights,
    output:
        generator=f"{RESULTS}/snow/{{translator}}/generator.pth",
        digests=f"{RESULTS}/digests/fit_translator/{{translator}}.csv",
    log:
        f"{RESULTS}/logs/fit_translator/{{translator}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/fit_translator/{{translator}}.tsv"
    wildcard_constraints:
        translator="|".join(name for name in TRANSLATORS if name not in TRAINED) or "none",
    priority: CRITICAL
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("fit_translator"),
        runtime=minutes("fit_translator"),
    params:
        translator=lambda wildcards: config[wildcards.translator],
        style_root=without_rerun(config["data"]["dawn"]),
        seed=config["seed"],
        code=translator_code("fit_translator"),
    script:
        "../workflow/scripts/fit_translator.py"


rule winterize_shard:
    """Turn one shard of the frames into winter frames, by one translator, and write down their digests."""
    input:
        frames=FRAMES,
        generator=f"{RESULTS}/snow/{{translator}}/generator.pth",
        weights=own_weights,
    output:
        manifest=f"{RESULTS}/snow/{{translator}}/shards/{{shard}}.parquet",
        digests=f"{RESULTS}/digests/winterize_shard/{{translator}}/{{shard}}.csv",
    log:
        f"{RESULTS}/logs/winterize_shard/{{translator}}/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/winterize_shard/{{translator}}/{{shard}}.tsv"
    priority: CRITICAL
    retries: RETRIES
    conda:
        ENVIRONMENT
    threads: config["winterize"]["threads"]
    resources:
        gpu=lambda wildcards: 0 if wildcards.translator in WITHOUT_GPU else gpus(),
        mem_mb=memory("winterize_shard"),
        runtime=minutes("winterize_shard"),
        save_minutes=SAVE_MINUTES,
    params:
        settings=settings("winterize", "size", "format", "quality", "batch_size"),
        # The study's own has its settings in the weights: a longer training of the same generator translates alike.
        translator=lambda wildcards: (
            {} if wildcards.translator in TRAINED else config[wildcards.translator]
        ),
        frames=config["winterize"]["frames"],
        shards=config["winterize"]["shards"],
        root=without_rerun(FRAME_ROOT),
        seed=config["seed"],
        device=lambda wildcards: "cpu" if wildcards.translator in WITHOUT_GPU else config["device"],
        code=translator_code("winterize_shard"),
    script:
        "../workflow/scripts/winterize_shard.py"


rule measure_quality:
    """Measure for each box of one shard of winter frames how far its label is still true."""
    input:
        frames=FRAMES,
        boxes=BOXES,
        manifest=rules.winterize_shard.output.manifest,
        detector=JUDGE,
    output:
        quality=f"{RESULTS}/snow/{{translator}}/quality/{{shard}}.parquet",
        digests=f"{RESULTS}/digests/measure_quality/{{translator}}/{{shard}}.csv",
    log:
        f"{RESULTS}/logs/measure_quality/{{translator}}/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure_quality/{{translator}}/{{shard}}.tsv"
    conda:
        ENVIRONMENT
    threads: config["winterize"]["threads"]
    resources:
        gpu=gpus() if JUDGE else 0,
        mem_mb=memory("measure_quality"),
        runtime=minutes("measure_quality"),
    params:
        settings=settings("quality", "classes", "image_size") if JUDGE else {},
        root=without_rerun(FRAME_ROOT),
        device=config["device"] if JUDGE else "cpu",
        code=code("measure_quality"),
    script:
        "../workflow/scripts/measure_quality.py"


rule score_videos:
    """Score each video's originals and winter as the study did: Inception Score, and FID to the style pictures."""
    input:
        **rendered("dawn", "style_root"),
        frames=FRAMES,
        manifests=lambda wildcards: manifests(wildcards.translator),
        style=f"{RESULTS}/snow/training_style.csv",
        weights=INCEPTION or [],
    output:
        scores=f"{RESULTS}/snow/{{translator}}/video_scores.csv",
        digests=f"{RESULTS}/digests/score_videos/{{translator}}.csv",
    log:
        f"{RESULTS}/logs/score_videos/{{translator}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_videos/{{translator}}.tsv"
    conda:
        ENVIRONMENT
    threads: config["winterize"]["threads"]
    resources:
        gpu=gpus(),
        mem_mb=memory("score_videos"),
        runtime=minutes("score_videos"),
    params:
        root=without_rerun(FRAME_ROOT),
        style_root=without_rerun(config["data"]["dawn"]),
        device=config["device"],
        code=code("score_videos"),
    script:
        "../workflow/scripts/score_videos.py"


rule sum_up_quality:
    """Put the quality of a translator's winter frames into one table, and sum it up for each video."""
    input:
        **({"scores": f"{RESULTS}/snow/{{translator}}/video_scores.csv"} if INCEPTION else {}),
        frames=FRAMES,
        shards=lambda wildcards: expand(
            f"{RESULTS}/snow/{wildcards.translator}/quality/{{shard}}.parquet",
            shard=range(config["winterize"]["shards"]),
        ),
    output:
        quality=f"{RESULTS}/snow/{{translator}}/quality.parquet",
        by_video=f"{RESULTS}/snow/{{translator}}/quality_by_video.csv",
        digests=f"{RESULTS}/digests/sum_up_quality/{{translator}}.csv",
    log:
        f"{RESULTS}/logs/sum_up_quality/{{translator}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/sum_up_quality/{{translator}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("sum_up_quality"),
        runtime=minutes("sum_up_quality"),
    params:
        code=code("sum_up_quality"),
    script:
        "../workflow/scripts/sum_up_quality.py"


rule contact_sheet:
    """Put originals beside their winter versions, for the eye."""
    input:
        frames=FRAMES,
        boxes=BOXES,
        manifests=MANIFESTS,
        quality=f"{RESULTS}/snow/{TRANSLATOR}/quality.parquet",
    output:
        figure=report(
            f"{RESULTS}/snow/contact_sheet.jpg",
            caption="../workflow/report/contact_sheet.rst",
            category="Snow",
            labels={"figure": "Original and winter frames"},
        ),
        pairs=directory(f"{RESULTS}/snow/pairs"),
        digests=f"{RESULTS}/digests/contact_sheet.csv",
    log:
        f"{RESULTS}/logs/contact_sheet.log",
    benchmark:
        f"{RESULTS}/benchmarks/contact_sheet.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("contact_sheet"),
        runtime=minutes("contact_sheet"),
    params:
        root=without_rerun(FRAME_ROOT),
        pairs=config["report"]["pairs"],
        code=code("contact_sheet"),
    script:
        "../workflow/scripts/contact_sheet.py"


rule draw_true_winter:
    """Put test frames and their translations beside true winter, and measure how far they are from it."""
    input:
        frames=FRAMES,
        manifests=MANIFESTS,
        true_winter=TRUE_WINTER_TABLES,
    output:
        figure=report(
            f"{RESULTS}/snow/true_winter.jpg",
            caption="../workflow/report/true_winter.rst",
            category="Snow",
            labels={"figure": "Original, generated and true winter"},
        ),
        distances=f"{RESULTS}/snow/true_winter.csv",
        digests=f"{RESULTS}/digests/draw_true_winter.csv",
    log:
        f"{RESULTS}/logs/draw_true_winter.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_true_winter.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("draw_true_winter"),
        runtime=minutes("draw_true_winter"),
    params:
        paired=SAME_AS_FRAMES,
        root=without_rerun(FRAME_ROOT),
        true_winter_root=without_rerun(TRUE_WINTER_ROOT),
        code=code("draw_true_winter"),
    script:
        "../workflow/scripts/draw_true_winter.py"
