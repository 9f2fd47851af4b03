#!/bin/bash
# One task of a Slurm array: its share of a benchmark's cells, into a ledger that all tasks share.
#
#     sbatch --array=0-7 deploy/slurm/array.sh bench/imagenet.toml --out /shared/results
#
# The arguments are those of `ssl-lottery run`; SSL_LOTTERY names the program where it is not on the PATH.
# What is to be computed by which task follows from the array, so tasks may come, go and return in any order.
#
#SBATCH --job-name=ssl-lottery
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@180
#SBATCH --cpus-per-task=1

# The warning before the end of the time (and `scancel --signal=TERM --batch`): a cell then writes a checkpoint
# and the run ends with 75.
program="${SSL_LOTTERY:-ssl-lottery}"
"$program" run "$@" &
run=$!
trap 'kill -TERM "$run"' TERM
# A signal ends the first wait, not the run.
while :; do
    wait "$run"
    code=$?
    kill -0 "$run" 2>/dev/null || break
done

# 75: interrupted, the same command goes on. Any other code would be the same again. The requeue is the last act,
# as Slurm ends this script with it; a controller that does not answer at once is asked again.
if [[ $code -eq 75 ]]; then
    echo "$(date +%FT%T) ${SLURMD_NODENAME:-}: interrupted, requeued"
    task="${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"
    for pause in 2 5 10 0; do
        scontrol requeue "$task" && break
        sleep "$pause"
    done
fi
exit "$code"
