package main

import (
	"context"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

// Writes each number until it is there; a write that isn't known to be done is looked for.
func write(ctx context.Context, w *world, number int) {
	key := fmt.Sprintf("survival/%03d", number)
	for {
		attempt, cancel := context.WithTimeout(ctx, patience/20)
		answer, err := w.client.Txn(attempt).
			If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
			Then(clientv3.OpPut(key, "")).Commit()
		cancel()
		if err == nil {
			_ = answer.Succeeded // If not, an attempt without an answer was done all the same.
			return
		}
		done(ctx.Err())
	}
}

// A watch misses and repeats nothing, a session keeps its lease and its mutex, writes go on.
func survival(ctx context.Context, w *world) {
	own := session(w, concurrency.WithTTL(20))
	mutex := concurrency.NewMutex(own, "survivor")
	done(mutex.Lock(ctx))
	start := must(w.client.Put(ctx, "survival", "begins")).Header.Revision
	watch := w.client.Watch(clientv3.WithRequireLeader(ctx), "survival/", clientv3.WithPrefix(),
		clientv3.WithRev(start))
	wanted := []string{}
	for number := range 300 {
		if number == 100 {
			w.ask("kill")
		}
		if number == 250 {
			w.ask("restart")
		}
		write(ctx, w, number)
		wanted = append(wanted, fmt.Sprintf("PUT survival/%03d ", number))
	}
	got := []string{}
	for len(got) < len(wanted) {
		answer, open := <-watch
		if !open || answer.Err() != nil {
			// Who asked for a leader is told that there is none, and goes on where it was.
			watch = w.client.Watch(ctx, "survival/", clientv3.WithPrefix(), clientv3.WithRev(start))
			continue
		}
		for _, event := range answer.Events {
			got = append(got, fmt.Sprint(event.Type, " ", string(event.Kv.Key), " "))
			start = event.Kv.ModRevision + 1
		}
	}
	equal(got, wanted, "what a watch tells")
	equal(must(w.client.Txn(ctx).If(mutex.IsOwner()).Commit()).Succeeded, true, "its mutex")
	done(mutex.Unlock(ctx))
	done(own.Close())
}
