#!/usr/bin/env bash
# Records a history and the HashKV numbers that a real etcd (3.5.30 or newer) gives along it:
#   record_hashkv.sh ETCD ETCDCTL SEED STEPS > testdata/hashkv_SEED.txt
# Lines: put KEY VALUE | del KEY END ("-": one key) | txn OP... (put:KEY:VALUE, del:KEY) |
# compact REVISION | hash REVISION COMPACT_REVISION HASH (revision 0: current) |
# refused REVISION (compacted, or a future revision).
set -euo pipefail

etcd=$1
etcdctl=$2
RANDOM=$3
steps=$4

dir=$(mktemp -d)
url=http://127.0.0.1:$((20000 + RANDOM % 10000))
ctl() { ETCDCTL_API=3 "$etcdctl" --endpoints "$url" "$@" 2> "$dir/refusal"; }
start() {
  "$etcd" --data-dir "$dir/data" --listen-client-urls "$url" --advertise-client-urls "$url" \
    --listen-peer-urls "${url%:*}:0" --initial-advertise-peer-urls "${url%:*}:1" \
    --initial-cluster "default=${url%:*}:1" --logger zap --log-outputs "$dir/log" &
  pid=$!
  until ctl endpoint health > "$dir/health"; do sleep 0.1; done
}
# After a compaction etcd remembers the hash it computed on the way, for as long as it runs. What it
# computes when asked is the number every member agrees on, before and after a restart.
restart() {
  kill "$pid"
  wait "$pid" || true
  start
}
start
trap 'kill $pid; wait $pid || true; rm -rf "$dir"' EXIT

echo "# $("$etcd" --version | head -n 1), seed $3, $4 steps"

revision=1
compacted=-1
key() { printf 'k%02d' $((RANDOM % 14)); }
current() { ctl get nothing -w json | sed -E 's/.*"revision":([0-9]+).*/\1/'; }

hash_at() {
  local json
  if json=$(ctl endpoint hashkv --rev "$1" -w json); then
    echo "$json" | sed -E "s/.*\"hash\":([0-9]+).*\"compact_revision\":(-?[0-9]+).*/hash $1 \2 \1/"
  else
    echo "refused $1"
  fi
}

hashes() {
  hash_at 0
  if ((compacted > 0)); then
    hash_at "$compacted"
    hash_at $((compacted + 1))
    hash_at $((compacted - 1))
  fi
  hash_at $((1 + RANDOM % revision))
  hash_at $((revision + 1))
}

change() {
  local kind=$((RANDOM % 10)) k words end
  case $kind in
    [0-4])
      k=$(key); v="v$RANDOM"
      ctl put "$k" "$v" > "$dir/out"; echo "put $k $v" ;;
    5 | 6)
      k=$(key); ctl del "$k" > "$dir/out"; echo "del $k -" ;;
    7)
      k=$(key); end=$(key); ctl del "$k" "$end" > "$dir/out"; echo "del $k $end" ;;
    *)
      words="" ; body=""
      local first=$((RANDOM % 14)) i name
      for i in 0 1 2 3; do
        name=$(printf 'k%02d' $(((first + i * 3) % 14)))
        if ((RANDOM % 3 == 0)); then
          words+=" del:$name"; body+="del $name"$'\n'
        else
          words+=" put:$name:t$i"; body+="put $name t$i"$'\n'
        fi
      done
      printf '\n%s\n\n' "$body" | ctl txn > "$dir/out"; echo "txn$words" ;;
  esac
}

hash_at 0
for ((step = 1; step <= steps; ++step)); do
  change
  if ((step % 7 == 0)); then
    revision=$(current)
    case $((RANDOM % 4)) in
      0) target=$revision ;;
      1) target=$((revision - 1)) ;;
      *) target=$((revision - RANDOM % 12)) ;;
    esac
    if ((target > compacted && target > 0)); then
      ctl compaction --physical "$target" > "$dir/out"
      restart
      compacted=$target
      echo "compact $target"
    fi
    hashes
  fi
done
# Delete everything, so that nothing is live, and hash around that, too.
ctl del k l > "$dir/out"
echo "del k l"
revision=$(current)
hashes
hash_at "$revision"
ctl compaction --physical "$revision" > "$dir/out"
restart
echo "compact $revision"
compacted=$revision
hashes
