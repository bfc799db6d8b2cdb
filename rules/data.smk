# Data: frames with their boxes and splits, the snow photographs, and true winter if a set shows it.
#
# Needs: data.vfp290k and data.dawn, or, where one of them is null, nothing: it is rendered. So is true winter, if
#        data.true_winter.folder and data.vfp290k are null.
# Makes: data/frames.parquet, data/boxes.parquet, data/rejected.csv, data/style.parquet, data/style_rejected.csv,
#        data/true_winter/{frames,boxes}.parquet, data/true_winter/rejected.csv


# What an index leaves out is listed in a table beside its outputs, and not one of them, because Snakemake deletes the
# outputs of a job that fails, and the table says why it did.
REJECTED = f"{RESULTS}/data/rejected.csv"
TRUE_WINTER_REJECTED = f"{RESULTS}/data/true_winter/rejected.csv"
TURN = config["data"]["turn"] != "reject"
UPRIGHT = f"{RESULTS}/data/upright"
TRUE_WINTER_UPRIGHT = f"{RESULTS}/data/true_winter/upright"


rule data:
    """Target: what is known of the data, up to the choice of the CycleGAN's pictures.

    After a change of the data, make it first: what was made from tables that come out the same is kept.
    """
    input:
        FRAMES,
        TRUE_WINTER_TABLES,
        [] if PRETRAINED else f"{RESULTS}/snow/training_frames.csv",
        XRAY_IMAGES if XRAY else [],


rule render_vfp290k:
    """Draw the demo's frames of standing, walking and fallen people, in the VFP290K layout."""
    output:
        folder=directory(RENDERED["vfp290k"]),
        digests=f"{RESULTS}/digests/render_vfp290k.csv",
    log:
        f"{RESULTS}/logs/render_vfp290k.log",
    benchmark:
        f"{RESULTS}/benchmarks/render_vfp290k.tsv"
    priority: CRITICAL
    conda:
        ENVIRONMENT
    threads: 8
    resources:
        mem_mb=memory("render_vfp290k"),
        runtime=minutes("render_vfp290k"),
    params:
        settings=settings("demo", "videos", "frames", "width", "height"),
        seed=config["seed"],
        code=code("render_vfp290k"),
    script:
        "../workflow/scripts/render_vfp290k.py"


rule render_true_winter:
    """Draw the demo's test frames once more, under snow: same scenes, people and labels; and others to train on."""
    input:
        frames=FRAMES,
    output:
        folder=directory(RENDERED["true_winter"]),
        digests=f"{RESULTS}/digests/render_true_winter.csv",
    log:
        f"{RESULTS}/logs/render_true_winter.log",
    benchmark:
        f"{RESULTS}/benchmarks/render_true_winter.tsv"
    conda:
        ENVIRONMENT
    # One, and no priority: it is drawn beside the CycleGAN's training, which nothing should wait for.
    threads: 1
    resources:
        mem_mb=memory("render_true_winter"),
        runtime=minutes("render_true_winter"),
    params:
        settings=settings("demo", "videos", "frames", "width", "height"),
        seed=config["seed"],
        code=code("render_true_winter"),
    script:
        "../workflow/scripts/render_true_winter.py"


rule render_dawn:
    """Draw the demo's snow photographs of other scenes, in the DAWN layout."""
    output:
        folder=directory(RENDERED["dawn"]),
        digests=f"{RESULTS}/digests/render_dawn.csv",
    log:
        f"{RESULTS}/logs/render_dawn.log",
    benchmark:
        f"{RESULTS}/benchmarks/render_dawn.tsv"
    priority: CRITICAL
    conda:
        ENVIRONMENT
    threads: 8
    resources:
        mem_mb=memory("render_dawn"),
        runtime=minutes("render_dawn"),
    params:
        settings=dict(images=config["demo"]["snow_images"], **settings("demo", "width", "height")),
        seed=config["seed"],
        code=code("render_dawn"),
    script:
        "../workflow/scripts/render_dawn.py"


rule index_frames:
    """Read and check every frame and its labels, leave faulty ones out, and assign videos to splits."""
    input:
        **rendered("vfp290k"),
        **rendered_digests("vfp290k"),
        # A data.yaml or a JSON file may lie elsewhere than the pictures, and so may the table of groups.
        described=[path for path in [config["data"]["vfp290k"]] if path and isfile(path)],
        groups=[path for path in [config["splits"]["group"]] if path and is_table(path)],
    output:
        **({"upright": directory(UPRIGHT)} if TURN else {}),
        frames=FRAMES,
        boxes=BOXES,
        digests=f"{RESULTS}/digests/index_frames.csv",
    log:
        f"{RESULTS}/logs/index_frames.log",
    benchmark:
        f"{RESULTS}/benchmarks/index_frames.tsv"
    priority: CRITICAL
    conda:
        ENVIRONMENT
    threads: 16
    resources:
        mem_mb=memory("index_frames"),
        runtime=minutes("index_frames"),
    params:
        reading=settings("data", "layout", "class_names", "other_classes", "turn"),
        max_rejected=config["data"]["max_rejected"],
        place=without_rerun(config["data"]["vfp290k"]),
        data=state_of("vfp290k", FRAMES),
        splits=settings("splits", "train", "val", "test", "group"),
        split_file=without_rerun(config["splits"]["file"]),
        seed=config["seed"],
        code=code("index_frames"),
    script:
        "../workflow/scripts/index_frames.py"


rule index_style:
    """Find and check the snow photographs."""
    input:
        **rendered("dawn"),
        **rendered_digests("dawn"),
    output:
        style=STYLE,
        digests=f"{RESULTS}/digests/index_style.csv",
    log:
        f"{RESULTS}/logs/index_style.log",
    benchmark:
        f"{RESULTS}/benchmarks/index_style.tsv"
    priority: CRITICAL
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("index_style"),
        runtime=minutes("index_style"),
    params:
        max_rejected=config["data"]["max_rejected"],
        root=without_rerun(config["data"]["dawn"]),
        data=state_of("dawn", STYLE),
        code=code("index_style"),
    script:
        "../workflow/scripts/index_style.py"


# What is rendered has the videos of the frames, and their splits; of a user's own, all other videos are tested on.
OWN_WINTER = config["data"]["true_winter"]
SAME_AS_FRAMES = TRUE_WINTER_FOLDER is None
WINTER_CLASSES = (None if SAME_AS_FRAMES else OWN_WINTER["class_names"]) or config["data"][
    "class_names"
]


rule index_true_winter:
    """Read and check the pictures of true winter, and leave out those that the CycleGAN learned its style from."""
    input:
        **rendered("true_winter"),
        **rendered_digests("true_winter"),
        described=[TRUE_WINTER_FOLDER] if TRUE_WINTER_FOLDER and isfile(TRUE_WINTER_FOLDER) else [],
        style=(
            []
            if SAME_AS_FRAMES or not learns_style(config)
            else [f"{RESULTS}/snow/training_style.csv"]
        ),
        # What is rendered is no picture of the frames.
        known=[] if SAME_AS_FRAMES else [FRAMES],
    output:
        **({"upright": directory(TRUE_WINTER_UPRIGHT)} if TURN else {}),
        frames=f"{RESULTS}/data/true_winter/frames.parquet",
        boxes=f"{RESULTS}/data/true_winter/boxes.parquet",
        digests=f"{RESULTS}/digests/index_true_winter.csv",
    log:
        f"{RESULTS}/logs/index_true_winter.log",
    benchmark:
        f"{RESULTS}/benchmarks/index_true_winter.tsv"
    conda:
        ENVIRONMENT
    threads: 1 if SAME_AS_FRAMES else 16
    resources:
        mem_mb=memory("index_true_winter"),
        runtime=minutes("index_true_winter"),
    params:
        reading={
            "layout": "vfp290k" if SAME_AS_FRAMES else OWN_WINTER["layout"],
            "class_names": WINTER_CLASSES,
            "turn": config["data"]["turn"],
        },
        classes={
            "own": WINTER_CLASSES,
            "map": {} if SAME_AS_FRAMES else OWN_WINTER["map"],
            "study": config["data"]["class_names"],
        },
        splits=(
            settings("splits", "train", "val", "test")
            if SAME_AS_FRAMES
            else {split: OWN_WINTER[split] for split in ("train", "val")}
        ),
        group=config["splits"]["group"] if SAME_AS_FRAMES else None,
        max_rejected=config["data"]["max_rejected"],
        place=without_rerun(TRUE_WINTER_FOLDER),
        data=state_of("true_winter", f"{RESULTS}/data/true_winter/frames.parquet"),
        seed=config["seed"],
        code=code("index_true_winter"),
    script:
        "../workflow/scripts/index_true_winter.py"
