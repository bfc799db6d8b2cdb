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
        **(
            {}
            if PRETRAINED
            else {
                "style": rules.index_style.output.style,
                "losses": rules.train_cyclegan.output.losses,
                "losses_plot": rules.plot_losses.output[0],
                "samples": rules.train_cyclegan.output.samples,
            }
        ),
        template=f"{workflow.basedir}/workflow/report/report.html.j2",
        frames=FRAMES,
        boxes=BOXES,
        rejected=rules.index_frames.output.rejected,
        contact_sheet=rules.contact_sheet.output[0],
        cross_domain=rules.cross_domain.output.table,
        heatmap=rules.plot_cross_domain.output[0],
        detections=rules.draw_detections.output[0],
    output:
        report(
            f"{RESULTS}/report.html",
            caption="../workflow/report/report.rst",
            category="Study",
            labels={"figure": "The whole report"},
        ),
    log:
        f"{RESULTS}/logs/make_report.log",
    benchmark:
        f"{RESULTS}/benchmarks/make_report.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        config=config,
        command=COMMAND,
        benchmarks=f"{RESULTS}/benchmarks",
    script:
        "../workflow/scripts/make_report.py"
