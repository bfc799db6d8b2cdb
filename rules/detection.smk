# Detection: one YOLOv5 for each training set and seed, evaluated on every test set.
#
# Needs: data/frames.parquet, data/boxes.parquet, the frames, and winter frames and true winter if a set shows them.
# Makes: detection/cache/<source>/{frames/<image>.npy,shards/<n>.parquet} if detector.cache is set, detection/datasets/<domain>/, detection/models/<domain>-seed<seed>/, detection/matches/<domain>-seed<seed>.parquet,
#        detection/{cross_domain,curves,comparisons,in_use,by_height}.csv, detection/left_out.parquet
#
# The wildcard `domain` is the name of a training set.

MODELS = expand(
    "{domain}-seed{seed}", domain=config["training_sets"], seed=config["detector"]["seeds"]
)

# What is tested on, beside what a detector is trained on.
TESTED_SOURCES = [TEST_SETS[name] for name in config["test_sets"]]

# A class of true winter may stand for several of the study's, whose detections count as that one there.
MERGED_CLASSES = {} if SAME_AS_FRAMES else merged_classes(OWN_WINTER["map"])
TEST_CLASSES = {
    name: (
        told_apart(config["data"]["class_names"], MERGED_CLASSES).names
        if name == TRUE_WINTER
        else config["data"]["class_names"]
    )
    for name in config["test_sets"]
}


rule detection:
    """Target: the cross-domain table, its heat map, and detections on a few frames."""
    input:
        f"{RESULTS}/detection/cross_domain.csv",
        f"{RESULTS}/detection/cross_domain.svg",
        f"{RESULTS}/detection/detections.jpg",


rule cache_frames:
    """Resize one shard of a source's frames as Ultralytics would in every epoch of every training."""
    input:
        unpack(winter_shard),
        frames=lambda wildcards: (
            TRUE_WINTER_TABLES[0] if wildcards.source == TRUE_WINTER else FRAMES
        ),
    output:
        manifest=f"{RESULTS}/detection/cache/{{source}}/shards/{{shard}}.parquet",
        digests=f"{RESULTS}/digests/cache_frames/{{source}}/{{shard}}.csv",
    log:
        f"{RESULTS}/logs/cache_frames/{{source}}/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/cache_frames/{{source}}/{{shard}}.tsv"
    conda:
        ENVIRONMENT
    threads: config["detector"]["threads"]
    resources:
        mem_mb=memory("cache_frames"),
        runtime=minutes("cache_frames"),
    params:
        image_size=config["detector"]["image_size"],
        splits=lambda wildcards: SHOWN_SPLITS[wildcards.source],
        shards=config["winterize"]["shards"],
        # Moved data are the same data, see `without_rerun`.
        root=lambda wildcards, input: (
            TRUE_WINTER_ROOT if wildcards.source == TRUE_WINTER else FRAME_ROOT
        ),
        code=code("cache_frames"),
    script:
        "../workflow/scripts/cache_frames.py"


rule build_dataset:
    """Lay out one training set, with its validation frames, as a YOLO dataset of links and label files."""
    input:
        frames=FRAMES,
        boxes=BOXES,
        manifests=lambda wildcards: [
            manifest
            for translator in TRANSLATORS
            if translator in config["training_sets"][wildcards.domain]
            for manifest in manifests(translator)
        ],
        quality=lambda wildcards: [
            f"{RESULTS}/snow/{translator}/quality.parquet"
            for translator, gate in config["gates"].get(wildcards.domain, {}).items()
            if gate["by"] != "random"
        ],
        true_winter=lambda wildcards: (
            TRUE_WINTER_TABLES if TRUE_WINTER in config["training_sets"][wildcards.domain] else []
        ),
        cached=lambda wildcards: cached_frames(*config["training_sets"][wildcards.domain]),
    output:
        folder=directory(f"{RESULTS}/detection/datasets/{{domain}}"),
        digests=f"{RESULTS}/digests/build_dataset/{{domain}}.csv",
    log:
        f"{RESULTS}/logs/build_dataset/{{domain}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/build_dataset/{{domain}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("build_dataset"),
        runtime=minutes("build_dataset"),
    params:
        shares=lambda wildcards: config["training_sets"][wildcards.domain],
        gates=lambda wildcards: config["gates"].get(wildcards.domain, {}),
        class_names=config["data"]["class_names"],
        root=without_rerun(FRAME_ROOT),
        true_winter_root=without_rerun(TRUE_WINTER_ROOT),
        seed=config["seed"],
        code=code("build_dataset"),
    script:
        "../workflow/scripts/build_dataset.py"


rule train_detector:
    """Train YOLOv5 on one training set; nothing else differs between the detectors."""
    input:
        **(
            {"pretrained": config["detector"]["pretrained"]}
            if config["detector"]["pretrained"]
            else {}
        ),
        dataset=ancient(f"{RESULTS}/detection/datasets/{{domain}}"),
        digests=rules.build_dataset.output.digests,
    output:
        model=f"{RESULTS}/detection/models/{{domain}}-seed{{seed}}/weights/best.pt",
        results=f"{RESULTS}/detection/models/{{domain}}-seed{{seed}}/results.csv",
        digests=f"{RESULTS}/digests/train_detector/{{domain}}-seed{{seed}}.csv",
    log:
        f"{RESULTS}/logs/train_detector/{{domain}}-seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_detector/{{domain}}-seed{{seed}}.tsv"
    retries: RETRIES
    conda:
        ENVIRONMENT
    threads: config["detector"]["threads"]
    resources:
        gpu=gpus("detector"),
        nodes=1,  # Slurm would take GPUs of several
        mem_mb=memory("train_detector"),
        runtime=minutes("train_detector"),
    params:
        settings=settings(
            "detector",
            "model",
            "image_size",
            "epochs",
            "batch_size",
            "nominal_batch_size",
            "optimizer",
            "learning_rate",
            "final_learning_rate",
            "momentum",
            "weight_decay",
            "warmup_epochs",
            "mosaic",
            "close_mosaic",
            "validate",
            "plots",
            "workers",
        ),
        folder=f"{RESULTS}/detection/models/{{domain}}-seed{{seed}}",
        device=config["device"],
        gpus=config["detector"]["gpus"],
        code=code("train_detector"),
    script:
        "../workflow/scripts/train_detector.py"


rule evaluate_detector:
    """Match one model's detections with the objects of every test set, and of its own validation videos."""
    input:
        model=rules.train_detector.output.model,
        dataset=ancient(f"{RESULTS}/detection/datasets/{{domain}}"),
        digests=rules.build_dataset.output.digests,
        frames=FRAMES,
        boxes=BOXES,
        # Its own validation pictures are of what it was trained on.
        manifests=lambda wildcards: [
            manifest
            for translator in TRANSLATORS
            if translator in [TRANSLATOR, *config["training_sets"][wildcards.domain]]
            for manifest in manifests(translator)
        ],
        true_winter=lambda wildcards: (
            TRUE_WINTER_TABLES
            if TRUE_WINTER in [*config["training_sets"][wildcards.domain], *TESTED_SOURCES]
            else []
        ),
        cached=lambda wildcards: cached_frames(
            *config["training_sets"][wildcards.domain], *TESTED_SOURCES
        ),
    output:
        matches=f"{RESULTS}/detection/matches/{{domain}}-seed{{seed}}.parquet",
        examples=f"{RESULTS}/detection/evaluation/{{domain}}-seed{{seed}}_examples.parquet",
        digests=f"{RESULTS}/digests/evaluate_detector/{{domain}}-seed{{seed}}.csv",
    log:
        f"{RESULTS}/logs/evaluate_detector/{{domain}}-seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate_detector/{{domain}}-seed{{seed}}.tsv"
    conda:
        ENVIRONMENT
    threads: config["detector"]["threads"]
    resources:
        gpu=gpus(),
        mem_mb=memory("evaluate_detector"),
        runtime=minutes("evaluate_detector"),
    params:
        settings=settings("detector", "image_size", "batch_size", "confidence", "iou", "workers"),
        class_names=config["data"]["class_names"],
        examples=config["report"]["detections"],
        test_domains=config["test_sets"],
        merged=MERGED_CLASSES,
        root=without_rerun(FRAME_ROOT),
        true_winter_root=without_rerun(TRUE_WINTER_ROOT),
        device=config["device"],
        code=code("evaluate_detector"),
    script:
        "../workflow/scripts/evaluate_detector.py"


rule cross_domain:
    """Compute all metrics from the matches, with intervals over the test videos, and compare the detectors."""
    input:
        matches=expand(f"{RESULTS}/detection/matches/{{model}}.parquet", model=MODELS),
    output:
        table=f"{RESULTS}/detection/cross_domain.csv",
        curves=f"{RESULTS}/detection/curves.csv",
        left_out=f"{RESULTS}/detection/left_out.parquet",
        comparisons=f"{RESULTS}/detection/comparisons.csv",
        in_use=f"{RESULTS}/detection/in_use.csv",
        by_height=f"{RESULTS}/detection/by_height.csv",
        digests=f"{RESULTS}/digests/cross_domain.csv",
    log:
        f"{RESULTS}/logs/cross_domain.log",
    benchmark:
        f"{RESULTS}/benchmarks/cross_domain.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("cross_domain"),
        runtime=minutes("cross_domain"),
    params:
        classes=TEST_CLASSES,
        code=code("cross_domain"),
    script:
        "../workflow/scripts/cross_domain.py"


rule plot_cross_domain:
    """Draw the cross-domain table as a heat map."""
    input:
        table=rules.cross_domain.output.table,
        left_out=rules.cross_domain.output.left_out,
    output:
        figure=report(
            f"{RESULTS}/detection/cross_domain.svg",
            caption="../workflow/report/cross_domain.rst",
            category="Detection",
            labels={"figure": "Cross-domain mAP"},
        ),
        digests=f"{RESULTS}/digests/plot_cross_domain.csv",
    log:
        f"{RESULTS}/logs/plot_cross_domain.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_cross_domain.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("plot_cross_domain"),
        runtime=minutes("plot_cross_domain"),
    params:
        code=code("plot_cross_domain"),
    script:
        "../workflow/scripts/plot_cross_domain.py"


rule draw_detections:
    """Draw what each model finds on the same few test frames."""
    input:
        examples=expand(
            f"{RESULTS}/detection/evaluation/{{domain}}-seed{{seed}}_examples.parquet",
            domain=config["training_sets"],
            seed=config["detector"]["seeds"][0],
        ),
        boxes=BOXES,
        true_winter=TRUE_WINTER_TABLES if TRUE_WINTER in config["test_sets"] else [],
    output:
        figure=report(
            f"{RESULTS}/detection/detections.jpg",
            caption="../workflow/report/detections.rst",
            category="Detection",
            labels={"figure": "Detections on test frames"},
        ),
        digests=f"{RESULTS}/digests/draw_detections.csv",
    log:
        f"{RESULTS}/logs/draw_detections.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_detections.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("draw_detections"),
        runtime=minutes("draw_detections"),
    params:
        class_names=config["data"]["class_names"],
        code=code("draw_detections"),
    script:
        "../workflow/scripts/draw_detections.py"
