package main

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// The next `count` events, as words.
func next(watch clientv3.WatchChan, count int) []string {
	words := []string{}
	for len(words) < count {
		answer, open := <-watch
		if !open {
			panic("a watch ended")
		}
		done(answer.Err())
		for _, event := range answer.Events {
			word := fmt.Sprint(event.Type, " ", string(event.Kv.Key), " ", string(event.Kv.Value))
			if event.PrevKv != nil {
				word += " was " + string(event.PrevKv.Value)
			}
			words = append(words, word)
		}
	}
	return words
}

func watches(ctx context.Context, w *world) {
	start := must(w.client.Put(ctx, "watch/a", "1")).Header.Revision
	all := w.client.Watch(ctx, "watch/", clientv3.WithPrefix(), clientv3.WithRev(start),
		clientv3.WithPrevKV())
	deletions := w.client.Watch(ctx, "watch/", clientv3.WithPrefix(), clientv3.WithFilterPut(),
		clientv3.WithCreatedNotify())
	equal((<-deletions).Created, true, "it watches")
	must(w.client.Put(ctx, "watch/a", "2"))
	must(w.client.Delete(ctx, "watch/a"))
	two := []clientv3.Op{clientv3.OpPut("watch/b", "3"), clientv3.OpPut("watch/c", "4")}
	must(w.client.Txn(ctx).Then(two...).Commit())
	equal(next(all, 5), []string{"PUT watch/a 1", "PUT watch/a 2 was 1", "DELETE watch/a  was 2",
		"PUT watch/b 3", "PUT watch/c 4"}, "events")
	equal(next(deletions, 1), []string{"DELETE watch/a "}, "deletions")
	done(w.client.RequestProgress(ctx))
	answer := <-all
	equal(answer.IsProgressNotify(), true, "progress")
	equal(answer.Header.Revision >= start+3, true, "how far")
	// A hundred streams' worth on one connection.
	others := []clientv3.WatchChan{}
	for range 100 {
		others = append(others, w.client.Watch(ctx, "watch/d", clientv3.WithRev(start)))
	}
	must(w.client.Put(ctx, "watch/d", "5"))
	for _, one := range others {
		equal(next(one, 1), []string{"PUT watch/d 5"}, "each is told")
	}
	ended, cancel := context.WithCancel(ctx)
	watch := w.client.Watch(ended, "watch/none")
	cancel()
	_, open := <-watch
	equal(open, false, "who cancels is told no more")
}

func compaction(ctx context.Context, w *world) {
	first := must(w.client.Put(ctx, "old", "1")).Header.Revision
	now := must(w.client.Put(ctx, "old", "2")).Header.Revision
	must(w.client.Compact(ctx, now, clientv3.WithCompactPhysical()))
	_, err := w.client.Get(ctx, "old", clientv3.WithRev(first))
	refused(err, rpctypes.ErrCompacted, "what is compacted")
	_, err = w.client.Compact(ctx, first)
	refused(err, rpctypes.ErrCompacted, "what was compacted")
	_, err = w.client.Compact(ctx, now+1000)
	refused(err, rpctypes.ErrFutureRev, "what isn't there yet")
	answer := <-w.client.Watch(ctx, "old", clientv3.WithRev(first))
	refused(answer.Err(), rpctypes.ErrCompacted, "a watch from there")
	equal(answer.CompactRevision, now, "where it may begin")
	equal(next(w.client.Watch(ctx, "old", clientv3.WithRev(now)), 1), []string{"PUT old 2"}, "there")
}

func leases(ctx context.Context, w *world) {
	lease := must(w.client.Grant(ctx, 600))
	must(w.client.Put(ctx, "leased/a", "", clientv3.WithLease(lease.ID)))
	left := must(w.client.TimeToLive(ctx, lease.ID, clientv3.WithAttachedKeys()))
	equal([]any{left.GrantedTTL, len(left.Keys)}, []any{int64(600), 1}, "what it holds")
	equal(must(w.client.KeepAliveOnce(ctx, lease.ID)).TTL, int64(600), "it is kept alive")
	equal(len(must(w.client.Leases(ctx)).Leases), 1, "the only one")
	must(w.client.Revoke(ctx, lease.ID))
	equal(must(w.client.Get(ctx, "leased/a")).Count, int64(0), "its key")
	_, err := w.client.KeepAliveOnce(ctx, lease.ID)
	refused(err, rpctypes.ErrLeaseNotFound, "it is gone")
	_, err = w.client.Put(ctx, "leased/a", "", clientv3.WithLease(lease.ID))
	refused(err, rpctypes.ErrLeaseNotFound, "it holds nothing more")

	kept := must(w.client.Grant(ctx, 2))
	brief := must(w.client.Grant(ctx, 2))
	must(w.client.Put(ctx, "leased/kept", "", clientv3.WithLease(kept.ID)))
	put := must(w.client.Put(ctx, "leased/brief", "", clientv3.WithLease(brief.ID)))
	alive := must(w.client.KeepAlive(ctx, kept.ID))
	began := time.Now()
	gone := w.client.Watch(ctx, "leased/", clientv3.WithPrefix(),
		clientv3.WithRev(put.Header.Revision+1))
	equal(next(gone, 1), []string{"DELETE leased/brief "}, "who isn't kept alive ends")
	equal(time.Since(began) > time.Second, true, "not before its time")
	equal((<-alive).ID, kept.ID, "the other one is kept")
	equal(must(w.client.Get(ctx, "leased/kept")).Count, int64(1), "with its key")
	must(w.client.Revoke(ctx, kept.ID))
}
