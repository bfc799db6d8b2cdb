# Verify: whether all results are still as they were made.
#
# Needs: the manifests that the jobs leave in digests/, and those of the winter frames.
# Makes: nothing.


rule verify:
    """Target: read every result and hold it against its manifest. Runs whenever it is asked for."""

    # No benchmark: Snakemake would take its file for an output, and the rule for done.
    log:
        f"{RESULTS}/logs/verify.log",
    conda:
        ENVIRONMENT
    threads: 8
    resources:
        mem_mb=memory("verify"),
        runtime=minutes("verify"),
    params:
        study=RESULTS,
        rules=[known.name for known in workflow.rules],
        options=COMMAND.removeprefix("snakemake"),
        code=code("verify"),
    script:
        "../workflow/scripts/verify.py"
