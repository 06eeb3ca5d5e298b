#!/bin/sh
# One shard of a campaign: shard.sh NUMBER OF STORE FLAGS… - on whatever machine, as often as its
# scheduler likes: what is in the store isn't done again. That a run failed is the campaign's result
# and no reason to try once more: the merge tells of it.
set -u
number=$1 of=$2 store=$3
shift 3
"${DETCD_SIM:-detcd-sim}" campaign --shard "$number/$of" --store "$store/shard-$number" "$@" &
campaign=$!
# Preempted: the campaign ends in good order, and the shard carries on elsewhere.
trap 'kill -TERM $campaign' TERM INT
wait $campaign
status=$?
while kill -0 $campaign 2>/dev/null; do
  wait $campaign
  status=$?
done
[ "$status" != 1 ] || status=0
exit "$status"
