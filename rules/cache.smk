# Cache: trainings that studies share, where Snakemake is called with `--cache`.
#
# Needs: $SNAKEMAKE_OUTPUT_CACHE, the folder of the cache.
# Makes: nothing of its own; these rules' outputs become links into the cache.

from snakemake.caching.rule import RuleCache

# Long, the same in every study with the same data and settings, and known by them: none has a path of its study among
# its params. Detectors do (their datasets are links into the study), and all other rules are quick.
SHARED = ["train_cyclegan", "train_cut", "train_xray_generator", "train_xray_classifier"]

if workflow.enable_cache:
    for name in SHARED:
        shared = workflow.get_rule(name)
        # A result from the cache took no time: Snakemake allows no benchmark beside it.
        shared._benchmark = None
        shared.cache = RuleCache.from_rule(shared, True)
