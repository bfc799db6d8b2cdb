#!/bin/sh
# properties = {properties}
# Leaves how it ended for `status` to read. A job that is killed, or goes back to the queue, leaves nothing.
cd "${{PBS_O_WORKDIR:-.}}" || exit
ended=.snakemake/cluster/${{SLURM_JOB_ID:-${{PBS_JOBID:-${{LSB_JOBID:-$JOB_ID}}}}}}.ended
rm -f "$ended"
(
{exec_job}
)
status=$?
echo $status > "$ended.new" && mv "$ended.new" "$ended"
exit $status
