# X-ray: generators of chest X-rays, their samples, and scores with intervals.
#
# Needs: data.chest_xray, or, where it is null, nothing: it is rendered.
# Makes: xray/images.parquet, xray/rejected.csv, xray/<model>/ (weights.pth, losses.csv, training/, images/, sheet.png,
#        samples.npy), xray/classifier.{pth,csv}, xray/{scores,comparisons,neighbours,extractors}.csv, figures, and
#        xray/export/ where xray.export asks for it

XRAY_REJECTED = f"{RESULTS}/xray/rejected.csv"
XRAY_ROOT = config["data"]["chest_xray"] or RENDERED["chest_xray"]
XRAY_MODELS = config["xray"]["models"]


wildcard_constraints:
    model="|".join(XRAY_MODELS),


rule xray:
    """Target: the X-ray chapter's tables and figures."""
    input:
        expand(
            f"{RESULTS}/xray/{{table}}.csv",
            table=["scores", "comparisons", "neighbours", "extractors"],
        ),
        expand(
            f"{RESULTS}/xray/{{figure}}",
            figure=["sheet.png", "neighbours.png", "scores.svg", "losses.svg"],
        ),
        f"{RESULTS}/digests/export_xray.csv" if config["xray"]["export"] else [],


rule render_chest_xray:
    """Draw the demo's X-ray phantoms, in the layout of the chest X-ray set."""
    output:
        folder=directory(RENDERED["chest_xray"]),
        digests=f"{RESULTS}/digests/render_chest_xray.csv",
    log:
        f"{RESULTS}/logs/render_chest_xray.log",
    benchmark:
        f"{RESULTS}/benchmarks/render_chest_xray.tsv"
    conda:
        ENVIRONMENT
    threads: 8
    resources:
        mem_mb=memory("render_chest_xray"),
        runtime=minutes("render_chest_xray"),
    params:
        settings=dict(images=config["demo"]["xray_images"], size=config["demo"]["xray_size"]),
        seed=config["seed"],
        code=code("render_chest_xray"),
    script:
        "../workflow/scripts/render_chest_xray.py"


rule index_xray:
    """Check every X-ray, leave out faulty ones, and keep one of each set of equal ones."""
    input:
        **rendered("chest_xray"),
        **rendered_digests("chest_xray"),
    output:
        images=XRAY_IMAGES,
        digests=f"{RESULTS}/digests/index_xray.csv",
    log:
        f"{RESULTS}/logs/index_xray.log",
    benchmark:
        f"{RESULTS}/benchmarks/index_xray.tsv"
    conda:
        ENVIRONMENT
    threads: 4
    resources:
        mem_mb=memory("index_xray"),
        runtime=minutes("index_xray"),
    params:
        **settings("xray", "class_name", "held_out"),
        seed=config["seed"],
        max_rejected=config["data"]["max_rejected"],
        root=without_rerun(config["data"]["chest_xray"]),
        data=state_of("chest_xray", XRAY_IMAGES),
        scores=without_rerun(settings("scores", "study_splits", "neighbours")),
        code=code("index_xray"),
    script:
        "../workflow/scripts/index_xray.py"


rule train_xray_generator:
    """Learn to make X-rays of one class, from its training images alone."""
    input:
        **rendered("chest_xray"),
        images=XRAY_IMAGES,
    output:
        weights=f"{RESULTS}/xray/{{model}}/weights.pth",
        losses=f"{RESULTS}/xray/{{model}}/losses.csv",
        sheets=directory(f"{RESULTS}/xray/{{model}}/training"),
        digests=f"{RESULTS}/digests/train_xray_generator/{{model}}.csv",
    log:
        f"{RESULTS}/logs/train_xray_generator/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_xray_generator/{{model}}.tsv"
    retries: RETRIES
    conda:
        ENVIRONMENT
    threads: config["xray"]["threads"]
    resources:
        gpu=gpus(),
        mem_mb=memory("train_xray_generator"),
        runtime=minutes("train_xray_generator"),
        save_minutes=SAVE_MINUTES,
    params:
        **settings("xray", "class_name", "sample_every", "samples"),
        settings=lambda wildcards: config["xray"][wildcards.model],
        root=without_rerun(config["data"]["chest_xray"]),
        seed=config["seed"],
        device=config["device"],
        code=code("train_xray_generator", plugin="xray/generators/{model}"),
    script:
        "../workflow/scripts/train_xray_generator.py"


rule sample_xray:
    """Draw a trained model's images: the study's few as pictures, and many for the scores."""
    input:
        images=XRAY_IMAGES,
        weights=f"{RESULTS}/xray/{{model}}/weights.pth",
    output:
        array=f"{RESULTS}/xray/{{model}}/samples.npy",
        folder=directory(f"{RESULTS}/xray/{{model}}/images"),
        sheet=f"{RESULTS}/xray/{{model}}/sheet.png",
        digests=f"{RESULTS}/digests/sample_xray/{{model}}.csv",
    log:
        f"{RESULTS}/logs/sample_xray/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/sample_xray/{{model}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        gpu=gpus(),
        mem_mb=memory("sample_xray"),
        runtime=minutes("sample_xray"),
    params:
        **settings("xray", "class_name", "samples"),
        redraws=config["scores"]["redraws"],
        settings=lambda wildcards: config["xray"][wildcards.model],
        seed=config["seed"],
        device=config["device"],
        code=code("sample_xray", plugin="xray/generators/{model}"),
    script:
        "../workflow/scripts/sample_xray.py"


rule train_xray_classifier:
    """Learn the X-rays' findings, for scores that look at X-rays instead of photographs."""
    input:
        **rendered("chest_xray"),
        images=XRAY_IMAGES,
    output:
        weights=f"{RESULTS}/xray/classifier.pth",
        accuracy=f"{RESULTS}/xray/classifier.csv",
        digests=f"{RESULTS}/digests/train_xray_classifier.csv",
    log:
        f"{RESULTS}/logs/train_xray_classifier.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_xray_classifier.tsv"
    conda:
        ENVIRONMENT
    threads: config["xray"]["threads"]
    resources:
        gpu=gpus(),
        mem_mb=memory("train_xray_classifier"),
        runtime=minutes("train_xray_classifier"),
    params:
        settings=config["scores"]["classifier"],
        root=without_rerun(config["data"]["chest_xray"]),
        seed=config["seed"],
        device=config["device"],
        code=code("train_xray_classifier"),
    script:
        "../workflow/scripts/train_xray_classifier.py"


rule score_xray:
    """Score the models beside real images and baselines, and say which is better where intervals do."""
    input:
        **(
            {
                "classifier": rules.train_xray_classifier.output.weights,
                "accuracy": rules.train_xray_classifier.output.accuracy,
            }
            if "xray_classifier" in config["scores"]["extractors"]
            else {}
        ),
        **(
            {"inception": config["scores"]["inception_weights"]}
            if config["scores"]["inception_weights"]
            else {}
        ),
        images=XRAY_IMAGES,
        samples=expand(rules.sample_xray.output.array, model=XRAY_MODELS),
    output:
        scores=f"{RESULTS}/xray/scores.csv",
        comparisons=f"{RESULTS}/xray/comparisons.csv",
        neighbours=f"{RESULTS}/xray/neighbours.csv",
        extractors=f"{RESULTS}/xray/extractors.csv",
        digests=f"{RESULTS}/digests/score_xray.csv",
    log:
        f"{RESULTS}/logs/score_xray.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_xray.tsv"
    conda:
        ENVIRONMENT
    threads: config["xray"]["threads"]
    resources:
        gpu=gpus(),
        mem_mb=memory("score_xray"),
        runtime=minutes("score_xray"),
    params:
        class_name=config["xray"]["class_name"],
        models=XRAY_MODELS,
        untrained=config["xray"]["dcgan"],
        extractors=config["scores"]["extractors"],
        settings=dict(
            study_images=config["xray"]["samples"],
            study_splits=config["scores"]["study_splits"],
            neighbours=config["scores"]["neighbours"],
        ),
        two_sample=config["scores"]["classifier"]
        | {"epochs": config["scores"]["two_sample_epochs"]},
        root=without_rerun(XRAY_ROOT),
        seed=config["seed"],
        device=config["device"],
        code=code("score_xray"),
    script:
        "../workflow/scripts/score_xray.py"


rule export_xray:
    """Write the reference and all samples as pictures, and as pytorch-fid's statistics."""
    input:
        **(
            {"inception": config["scores"]["inception_weights"]}
            if config["scores"]["inception_weights"]
            else {}
        ),
        images=XRAY_IMAGES,
        samples=expand(rules.sample_xray.output.array, model=XRAY_MODELS),
    output:
        folder=directory(f"{RESULTS}/xray/export"),
        digests=f"{RESULTS}/digests/export_xray.csv",
    log:
        f"{RESULTS}/logs/export_xray.log",
    benchmark:
        f"{RESULTS}/benchmarks/export_xray.tsv"
    conda:
        ENVIRONMENT
    threads: config["xray"]["threads"]
    resources:
        gpu=gpus(),
        mem_mb=memory("export_xray"),
        runtime=minutes("export_xray"),
    params:
        class_name=config["xray"]["class_name"],
        models=XRAY_MODELS,
        root=without_rerun(XRAY_ROOT),
        device=config["device"],
        code=code("export_xray"),
    script:
        "../workflow/scripts/export_xray.py"


rule draw_xray:
    """Draw the real and generated images, their scores, their nearest training images and the losses."""
    input:
        images=XRAY_IMAGES,
        scores=rules.score_xray.output.scores,
        neighbours=rules.score_xray.output.neighbours,
        pictures=ancient(expand(f"{RESULTS}/xray/{{model}}/images", model=XRAY_MODELS)),
        digests=expand(rules.sample_xray.output.digests, model=XRAY_MODELS),
        samples=expand(rules.sample_xray.output.array, model=XRAY_MODELS),
        losses=expand(rules.train_xray_generator.output.losses, model=XRAY_MODELS),
    output:
        sheet=report(
            f"{RESULTS}/xray/sheet.png",
            caption="../workflow/report/xray_sheet.rst",
            category="X-ray",
            labels={"figure": "Real and generated X-rays"},
        ),
        neighbours_picture=report(
            f"{RESULTS}/xray/neighbours.png",
            caption="../workflow/report/xray_neighbours.rst",
            category="X-ray",
            labels={"figure": "Nearest training images"},
        ),
        scores_plot=report(
            f"{RESULTS}/xray/scores.svg",
            caption="../workflow/report/xray_scores.rst",
            category="X-ray",
            labels={"figure": "Scores with intervals"},
        ),
        losses_plot=report(
            f"{RESULTS}/xray/losses.svg",
            caption="../workflow/report/xray_losses.rst",
            category="X-ray",
            labels={"figure": "Losses of the generators"},
        ),
        digests=f"{RESULTS}/digests/draw_xray.csv",
    log:
        f"{RESULTS}/logs/draw_xray.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_xray.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("draw_xray"),
        runtime=minutes("draw_xray"),
    params:
        class_name=config["xray"]["class_name"],
        models=XRAY_MODELS,
        root=without_rerun(XRAY_ROOT),
        code=code("draw_xray"),
    script:
        "../workflow/scripts/draw_xray.py"
