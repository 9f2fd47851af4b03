#!/bin/bash
# Tries array.sh on a real Slurm: two virtual nodes on this machine, in a folder of their own.
#
#     deploy/slurm/test.sh PROGRAM BENCH.toml OUT [further arguments of run]
#
# Two tasks begin. The node of the first dies with everything on it; the second gets the warning that its time is
# nearly over. Both have to come back, and the ledger has to be finished. Needs Debian's slurm-wlm and munge and
# root; without them it says so and ends with 77, as skipped tests do.
set -euo pipefail

for tool in slurmctld slurmd munged sbatch; do
    if ! PATH="$PATH:/usr/sbin" command -v "$tool" >/dev/null; then
        echo "skipped: $tool is not installed (apt-get install slurm-wlm munge)"
        exit 77
    fi
done
if [[ $EUID -ne 0 ]]; then
    echo "skipped: Slurm's daemons start jobs as root alone"
    exit 77
fi
PATH="$PATH:/usr/sbin"

here="$(cd "$(dirname "$0")" && pwd)"
program="$(realpath "$1")" bench="$(realpath "$2")" out="$(realpath -m "$3")"
shift 3
place="$(mktemp -d)"
export SLURM_CONF="$place/slurm.conf"

# A process and everything below it, children first.
tree() {
    local child
    for child in $(pgrep -P "$1"); do tree "$child"; done
    echo "$1"
}

# The daemons of this trial's job steps, of one job or of all: their parents do not wait for them.
steps() {
    local step
    for step in $(pgrep -f "^slurmstepd: \\[${1:-}"); do
        # They write to the logs in the trial's folder.
        if find "/proc/$step/fd" -lname "$place/*" 2>/dev/null | grep -q .; then echo "$step"; fi
    done
}

finish() {
    local code=$? pid
    set +e
    if [[ $code -ne 0 ]]; then
        tail -n 20 "$place"/*.log "$place"/*.out
    fi
    scancel --quiet --user=root 2>/dev/null
    for pid in "$place"/*.pid; do
        [[ -s $pid ]] && kill -9 $(tree "$(<"$pid")") 2>/dev/null
    done
    for pid in $(steps); do
        kill -9 $(tree "$pid") 2>/dev/null
    done
    rm -rf "$place"
    exit "$code"
}
trap finish EXIT

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
    local end=$((SECONDS + $1)) what="$2"
    shift 2
    until "$@"; do
        if ((SECONDS > end)); then
            echo "waited in vain for $what"
            return 1
        fi
        sleep 0.3
    done
}

is_open() { (: </dev/tcp/127.0.0.1/"$1") 2>/dev/null; }

# Four ports in a row that nobody listens to.
while :; do
    port=$((20000 + RANDOM % 10000))
    ! is_open $port && ! is_open $((port + 1)) && ! is_open $((port + 2)) && ! is_open $((port + 3)) && break
done

user="$(id -un)" host="$(hostname -s)"
mkdir -p "$place/state"
cat >"$SLURM_CONF" <<CONF
ClusterName=trial
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
SlurmctldPort=$port
AuthType=auth/munge
AuthInfo=socket=$place/munge.socket,cred_expire=30
CredType=cred/munge
StateSaveLocation=$place/state
SlurmdSpoolDir=$place/spool-%n
SlurmctldPidFile=$place/slurmctld.pid
SlurmdPidFile=$place/slurmd-%n.pid
SlurmctldLogFile=$place/slurmctld.log
SlurmdLogFile=$place/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=1
KillWait=30
MinJobAge=3600
NodeName=n[1-2] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + 2))] CPUs=1 State=UNKNOWN
PartitionName=main Nodes=n[1-2] Default=YES MaxTime=01:00:00 State=UP
CONF

head -c 1024 /dev/urandom >"$place/munge.key"
chmod 600 "$place/munge.key"
chmod 711 "$place"
munged --force --num-threads=2 --socket="$place/munge.socket" --key-file="$place/munge.key" \
    --pid-file="$place/munged.pid" --log-file="$place/munged.log" --seed-file="$place/munge.seed"
slurmctld
node() { mkdir -p "$place/spool-$1" && slurmd -N "$1"; }
node n1
node n2
idle() { [[ $(sinfo --noheader --format=%t --Node | grep -c idle) -eq 2 ]]; }
wait_for 300 "two idle nodes" idle

export SSL_LOTTERY="$program"
job="$(sbatch --parsable --array=0-1 --output="$place/task-%a.out" --chdir="$place" \
    "$here/array.sh" "$bench" --out "$out" "$@")"
echo "submitted array $job"

# Where a cell's pretraining stands is what must not be lost.
begun() { [[ $(find "$out/cells" -name checkpoint.json 2>/dev/null | wc -l) -ge 2 ]]; }
wait_for 600 "a checkpoint of both tasks" begun

# The first node dies: its daemon, the batch script, the run and the cell, at once.
task="$(squeue --noheader --format=%K --nodelist=n1 --states=running)"
job_there="$(squeue --noheader --format=%A --nodelist=n1)"
kill -9 $(tree "$(<"$place/slurmd-n1.pid")") $(for step in $(steps "$job_there"); do tree "$step"; done)
scontrol update nodename=n1 state=down reason="it died"
echo "node n1 died with task $task"

# The second task is warned, as Slurm does before its time is over.
other=$((1 - task))
scancel --signal=TERM --batch "${job}_$other"
returned() { grep -q "interrupted, requeued" "$place/task-$other.out"; }
wait_for 600 "task $other to write its checkpoint" returned
echo "task $other was warned and requeued itself"

node n1
scontrol update nodename=n1 state=resume 2>/dev/null || true
# Slurm lets requeued jobs wait until the credential of their first attempt has expired (cred_expire, above;
# else two minutes). Whoever makes them start before has them refused: "Job credential revoked".
ended() { [[ -z $(squeue --noheader) ]]; }
wait_for 1200 "both tasks to end" ended
for task in 0 1; do
    restarts="$(scontrol show job "${job}_$task" | grep -o 'Restarts=[0-9]*')"
    state="$(scontrol show job "${job}_$task" | grep -o 'JobState=[A-Z]*')"
    echo "task $task: $state $restarts"
    [[ $state == JobState=COMPLETED && $restarts != Restarts=0 ]]
done
echo "both tasks came back and finished"
