# shellcheck shell=bash
# Part of ./dev, which reads it when it is asked for a canary or a mutant: plants a bug in a copy of
# the tree and sees whether it is found. One copy and one build folder serve all patches one after
# another, so that only what a patch touches is compiled again.

# --- the copy --------------------------------------------------------------------------------------

# Makes build/NAME/tree what the tree is now; files that are equal keep their times.
planted_tree() {
  local tree=$root/build/$1/tree file
  mkdir -p "$tree"
  git ls-files -z --cached --others --exclude-standard >"$tree.files"
  while IFS= read -r -d '' file; do
    [ -f "$file" ] || continue
    cmp -s "$file" "$tree/$file" && continue
    mkdir -p "$tree/$(dirname "$file")"
    cp "$file" "$tree/$file"
  done <"$tree.files"
  # What left the tree leaves the copy; its build folder isn't of the tree.
  (cd "$tree" && find . -path ./build -prune -o -type f -print0) |
    while IFS= read -r -d '' file; do
      [ -f "$root/${file#./}" ] || rm "$tree/$file"
    done
}

# Applies a patch to the copy, after what the former one changed is put back.
planted_apply() {
  local tree=$root/build/$1/tree patch=$2 file
  if [ -f "$tree.planted" ]; then
    while IFS= read -r file; do cp "$file" "$tree/$file"; done <"$tree.planted"
  fi
  rm -f "$tree.planted"
  GIT_CEILING_DIRECTORIES=$(dirname "$tree") git -C "$tree" apply "$patch" || return 1
  sed -n 's|^+++ b/||p' "$patch" >"$tree.planted"
}

# A line of a patch's head, as "Oracle: …".
head_line() { sed -n "/^diff /q; s/^$1: //p" "$2"; }

# A patch's line "Tests: NAME FILTER" says which test program must fail, and where. A program that
# can't find its data, or finds no test, fails or passes without a word about it.
planted_test() {
  local here=$root/build/$1 program filter log
  log=$here/$(basename "$2" .patch).log
  read -r program filter < <(head_line Tests "$2")
  (cd "$here/tree" && ninja_build release "test_$program") || return 1
  planted_said="test_$program ${filter:-} passes all the same; $log"
  local status=0
  timeout 120 "$here/tree/build/release/bin/test_$program" --gtest_filter="${filter:-*}" \
    >"$log" 2>&1 || status=$?
  [ "$status" != 0 ] || return 1
  if [ "$status" = 124 ]; then
    planted_said="caught: $(sed -nE 's/^\[ RUN      \] //p' "$log" | tail -n 1) doesn't end"
    return 0
  fi
  planted_said="test_$program ended without a failed test; $log"
  grep -qE '^\[  FAILED  \]|check failed' "$log" || return 1
  planted_said="caught by $(sed -nE 's/^\[  FAILED  \] ([^ ,]+\.[^ ,]+).*/\1/p' "$log" |
    sort -u | head -3 | paste -sd ' ')"
}

# --- canaries: bugs of the product, which the simulator must find ----------------------------------

canary_usage="canary NAME|--all [--no-shrink] [--seeds A..B] [--table FILE]"

# The judge that a trace's failure names, and what it said.
trace_oracle() { zcat -f "$1" | sed -nE 's/^fingerprint "([^:]*):.*/\1/p' | sed 's/\\x20/ /g'; }
trace_message() {
  zcat -f "$1" | sed -nE 's/^fingerprint "[^:]*:(.*)"$/\1/p' | sed 's/\\x20/ /g; s/^ *//; s/ *:.*//'
}

# The judge that found it must be one that the patch names: a crash by accident proves nothing.
canary_oracle() {
  local name=$1 patch=$2 trace=$3 expected found
  expected=$(head_line Oracle "$patch")
  found=$(trace_oracle "$trace")
  case ", $expected," in
    *", $found,"*) ;;
    *)
      echo "canary $name: found by \"$found\", which isn't one of: $expected; $trace" >&2
      return 1
      ;;
  esac
}

# The smallest run that fails alike, and its picture.
canary_shrink() {
  local simulator=$1 here=$2
  "$simulator" shrink "$here/failure.trace" -o "$here/shrunk.trace" --jobs "$jobs" \
    >"$here/shrink.log" || return 1
  # The picture is made from a run that is expected to fail.
  "$simulator" replay "$here/shrunk.trace" --html "$here/timeline.html" >"$here/replay.log" || true
  [ -s "$here/timeline.html" ] || { echo "no picture: see $here/replay.log" >&2; return 1; }
}

canary_row() {
  local name=$1 here=$2 seeds cpu shrunk='–' took='–'
  seeds=$(sed -nE 's/.* runs=([0-9]+) .*/\1/p' "$here/swarm.log" | tail -1)
  cpu=$(sed -nE 's/.* cpu=([0-9.]+)s$/\1 s/p' "$here/swarm.log" | tail -1)
  if [ -f "$here/shrink.log" ]; then
    shrunk=$(sed -nE 's/^shrunk from ([0-9]+) entries to ([0-9]+) .*/\1 → \2/p' "$here/shrink.log")
    took=$(sed -nE 's/^shrunk .* runs, ([0-9.]+)s,.*/\1 s/p' "$here/shrink.log")
  fi
  printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$name" "$seeds" "$cpu" \
    "$(trace_oracle "$here/failure.trace")" "$(trace_message "$here/failure.trace")" \
    "${shrunk:-–}" "${took:-–}"
}

# A bug that shows only when runs are compared: audit finds it, and says where the runs part.
canary_audit() {
  local name=$1 simulator=$2 here=$3
  if "$simulator" audit --seeds "$canary_seeds" --jobs "$jobs" >"$here/audit.log"; then
    echo "canary $name: NOT found by audit within seeds $canary_seeds" >&2
    return 1
  fi
  if ! grep -q '^seed [0-9]*: determinism: ' "$here/audit.log" || ! grep -q 'then one: ' "$here/audit.log"; then
    echo "canary $name: audit failed without naming an event; $here/audit.log" >&2
    return 1
  fi
  printf '| %s | %s | %s | audit | %s | – | – |\n' "$name" \
    "$(grep -c '^seed ' "$here/audit.log") of $(sed -nE 's/^FAIL audit seeds=([0-9.]+).*/\1/p' "$here/audit.log")" \
    "$(sed -nE 's/^FAIL audit .* cpu=([0-9.]+)s$/\1 s/p' "$here/audit.log")" \
    'a run was another one in another process' | tee -a "$canary_table"
}

# One core, seeds in order: what the detection costs is the same whatever machine it is measured on.
canary() {
  local name=$1 here=$root/build/plants/$1 patch=$root/sim/plants/$1.patch simulator profile
  [ -f "$patch" ] || die "no sim/plants/$name.patch"
  mkdir -p "$here"
  rm -f "$here"/{failure.trace,shrunk.trace,timeline.html,swarm.log,shrink.log,audit.log}
  planted_apply plants "$patch" || return 1
  if [ -n "$(head_line Tests "$patch")" ]; then
    planted_test plants "$patch" || { echo "canary $name: $planted_said" >&2; return 1; }
    printf '| %s | – | – | tests | %s | – | – |\n' "$name" "$planted_said" |
      tee -a "$canary_table"
    return 0
  fi
  simulator=$root/build/plants/tree/build/release/bin/detcd-sim
  (cd "$root/build/plants/tree" && ninja_build release detcd-sim) || return 1
  if [ "$(head_line Found-by "$patch")" = audit ]; then
    canary_seeds=1..5 canary_audit "$name" "$simulator" "$here"
    return
  fi
  profile=$(head_line Profile "$patch")
  if "$simulator" swarm --seeds "$canary_seeds" --profile "${profile:-swarm}" --until-failure \
    --jobs 1 --trace "$here/failure.trace" >"$here/swarm.log"; then
    echo "canary $name: NOT found within seeds $canary_seeds" >&2
    return 1
  fi
  if [ ! -s "$here/failure.trace" ]; then
    echo "canary $name: the swarm ended without a trace" >&2
    return 1
  fi
  canary_oracle "$name" "$patch" "$here/failure.trace" || return 1
  if [ "$canary_shrinks" = 1 ]; then canary_shrink "$simulator" "$here" || return 1; fi
  canary_row "$name" "$here" | tee -a "$canary_table"
}

command_canary() {
  local names=() patch name
  canary_seeds=1..200 canary_shrinks=1 canary_table=/dev/null
  while [ $# -gt 0 ]; do
    case "$1" in
      --all) for patch in sim/plants/*.patch; do names+=("$(basename "$patch" .patch)"); done ;;
      --no-shrink) canary_shrinks=0 ;;
      --seeds) canary_seeds=${2:?$canary_usage} && shift ;;
      --table) canary_table=$(cd "$caller" && realpath -m "${2:?$canary_usage}") && shift ;;
      -*) die "$canary_usage" ;;
      *) names+=("$1") ;;
    esac
    shift
  done
  [ "${#names[@]}" -gt 0 ] || die "$canary_usage"
  if [ "$canary_table" != /dev/null ]; then
    printf '%s\n' '| plant | seeds | processor | judge | message | entries | shrinking |' \
      '|---|---|---|---|---|---|---|' >"$canary_table"
  fi
  planted_tree plants
  rm -f "build/plants/tree.planted"
  (cd build/plants/tree && configure release) || return 1
  for name in "${names[@]}"; do step "canary $name" canary "$name"; done
  finish_tests
}

# --- mutants: bugs of the simulator, which its tests must find -------------------------------------

mutant() {
  local name=$1 patch=$root/sim/mutants/$1.patch
  [ -f "$patch" ] || die "no sim/mutants/$name.patch"
  planted_apply mutants "$patch" || return 1
  planted_test mutants "$patch" || { echo "mutant $name: $planted_said" >&2; return 1; }
  echo "mutant $name: $planted_said"
}

command_mutants() {
  local names=() patch name
  case "${1:-}" in
    --all) for patch in sim/mutants/*.patch; do names+=("$(basename "$patch" .patch)"); done ;;
    '' | -*) die "mutants NAME|--all" ;;
    *) names=("$@") ;;
  esac
  planted_tree mutants
  rm -f "build/mutants/tree.planted"
  (cd build/mutants/tree && configure release) || return 1
  for name in "${names[@]}"; do step "mutant $name" mutant "$name"; done
  finish_tests
}
