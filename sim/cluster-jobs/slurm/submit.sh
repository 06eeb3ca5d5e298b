#!/bin/bash
# submit.sh STORE SHARDS [campaign's flags…]: the array, and the merge after it. Prints the number of
# the merge's job; its exit code is the campaign's verdict. SBATCH_FLAGS go to both.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
store=$(realpath -m "${1:?submit.sh STORE SHARDS [flags of detcd-sim campaign]}")
shards=${2:?submit.sh STORE SHARDS [flags of detcd-sim campaign]}
shift 2
mkdir -p "$store"
export DETCD_STORE=$store DETCD_JOBS_DIR=${here%/slurm}
export DETCD_SIM=${DETCD_SIM:-$(command -v detcd-sim)}
[ $# -eq 0 ] || export DETCD_CAMPAIGN="$*"
# shellcheck disable=SC2086
array=$(sbatch --parsable --array="1-$shards" --output="$store/shard-%a.log" ${SBATCH_FLAGS:-} \
  "$here/campaign.sbatch")
# shellcheck disable=SC2086
sbatch --parsable --dependency="afterany:$array" --output="$store/merge.log" ${SBATCH_FLAGS:-} \
  "$here/merge.sbatch"
