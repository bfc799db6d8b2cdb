# Snowdrift: does GAN-made snow make a fallen-person detector work in winter?
#
# The study at full scale:  snakemake --cores 8 --resources gpu=2
# The demo:                 snakemake --cores 2 --configfile config/demo.yaml
# Only a part of it:        snakemake data | snow | pictures | detection | xray | attack | report | verify, then the same options

import os

from snakemake.utils import min_version

min_version("9.27")


configfile: f"{workflow.current_basedir}/config/config.yaml"


report: "workflow/report/workflow.rst"


# The image that jobs run in under `--sdm apptainer`, made from envs/Dockerfile; without that option it means nothing.
container: os.environ.get("SNOWDRIFT_IMAGE")


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/snow.smk"
include: "rules/pictures.smk"
include: "rules/detection.smk"
include: "rules/xray.smk"
include: "rules/attack.smk"
include: "rules/report.smk"
include: "rules/cache.smk"
include: "rules/verify.smk"


rule all:
    """The whole study: every chapter and the report."""
    default_target: True
    input:
        rules.snow.input,
        rules.detection.input,
        rules.xray.input if XRAY else [],
        rules.attack.input if ATTACK else [],
        rules.report.input,
