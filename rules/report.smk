# Report: the study on one self-contained page.
#
# Needs: the tables and figures of all chapters.
# Makes: report.html


rule report:
    """Target: the page that shows what the study found."""
    input:
        f"{RESULTS}/report.html",


rule make_report:
    """Put the study's answer, figures, tables, settings and times on one page."""
    input:
        [] if PRETRAINED else rules.train_cyclegan.output.digests,
        rules.contact_sheet.output.digests,
        **(
            {}
            if PRETRAINED
            else {
                "style": rules.choose_training_images.output.style,
                "epochs": (
                    [f"{RESULTS}/snow/{TRANSLATOR}/epochs.csv"]
                    if used_epoch(TRANSLATOR) == "best"
                    else []
                ),
                "samples": ancient(f"{RESULTS}/snow/cyclegan/samples"),
            }
        ),
        **(
            {
                "true_winter_frames": rules.index_true_winter.output.frames,
                "true_winter_sheet": rules.draw_true_winter.output.figure,
                "true_winter_distances": rules.draw_true_winter.output.distances,
            }
            if TRUE_WINTER in config["test_sets"]
            else {}
        ),
        **(
            {
                "xray_images": rules.index_xray.output.images,
                "xray_scores": rules.score_xray.output.scores,
                "xray_comparisons": rules.score_xray.output.comparisons,
                "xray_extractors": rules.score_xray.output.extractors,
                "xray_sheet": rules.draw_xray.output.sheet,
                "xray_neighbours_picture": rules.draw_xray.output.neighbours_picture,
                "xray_losses": rules.draw_xray.input.losses,
            }
            if XRAY
            else {}
        ),
        **(
            {
                "attack_results": rules.summarise_attack.output.results,
                "attack_summary": rules.summarise_attack.output.summary,
                "attack_protected": rules.draw_attack.output.sheet,
                "attack_traces": rules.summarise_attack.output.traces,
            }
            if ATTACK
            else {}
        ),
        template=f"{REPOSITORY}/workflow/report/report.html.j2",
        frames=FRAMES,
        boxes=BOXES,
        pairs=ancient(f"{RESULTS}/snow/pairs"),
        quality=expand(f"{RESULTS}/snow/{{translator}}/quality.parquet", translator=TRANSLATORS),
        losses=expand(
            f"{RESULTS}/snow/{{translator}}/losses.csv",
            translator=[
                name for name in TRAINED if name in TRANSLATORS and not config[name]["pretrained"]
            ],
        ),
        cross_domain=rules.cross_domain.output.table,
        curves=rules.cross_domain.output.curves,
        left_out=rules.cross_domain.output.left_out,
        comparisons=rules.cross_domain.output.comparisons,
        in_use=rules.cross_domain.output.in_use,
        by_height=rules.cross_domain.output.by_height,
        detections=rules.draw_detections.output.figure,
    output:
        page=report(
            f"{RESULTS}/report.html",
            caption="../workflow/report/report.rst",
            category="Study",
            labels={"figure": "The whole report"},
        ),
        digests=f"{RESULTS}/digests/make_report.csv",
    log:
        f"{RESULTS}/logs/make_report.log",
    benchmark:
        f"{RESULTS}/benchmarks/make_report.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("make_report"),
        runtime=minutes("make_report"),
    params:
        config=config,
        rejected=REJECTED,
        xray_rejected=XRAY_REJECTED,
        true_winter_rejected=TRUE_WINTER_REJECTED,
        command=COMMAND,
        benchmarks=f"{RESULTS}/benchmarks",
        code=code("make_report"),
    script:
        "../workflow/scripts/make_report.py"
