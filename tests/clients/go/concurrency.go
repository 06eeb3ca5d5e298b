package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

func session(w *world, options ...concurrency.SessionOption) *concurrency.Session {
	return must(concurrency.NewSession(w.client, options...))
}

func mutexes(ctx context.Context, w *world) {
	var inside, entered atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			own := session(w)
			mutex := concurrency.NewMutex(own, "mutex")
			for range 5 {
				done(mutex.Lock(ctx))
				equal(inside.Add(1), int32(1), "who is inside")
				entered.Add(1)
				inside.Add(-1)
				done(mutex.Unlock(ctx))
			}
			done(own.Close())
		}()
	}
	group.Wait()
	equal(entered.Load(), int32(40), "who came in")

	first, second := session(w), session(w)
	held, wanted := concurrency.NewMutex(first, "mutex"), concurrency.NewMutex(second, "mutex")
	done(held.Lock(ctx))
	refused(wanted.TryLock(ctx), concurrency.ErrLocked, "what another one holds")
	equal(must(w.client.Txn(ctx).If(held.IsOwner()).Commit()).Succeeded, true, "its owner")
	done(first.Close()) // Its lease goes, and the lock with it.
	done(wanted.Lock(ctx))
	equal(must(w.client.Txn(ctx).If(held.IsOwner()).Commit()).Succeeded, false, "its former owner")
	done(second.Close())
}

func elections(ctx context.Context, w *world) {
	first, second := session(w), session(w)
	one, other := concurrency.NewElection(first, "lead"), concurrency.NewElection(second, "lead")
	watching, cancel := context.WithCancel(ctx)
	observed := other.Observe(watching)
	done(one.Campaign(ctx, "one"))
	equal(string((<-observed).Kvs[0].Value), "one", "who leads")
	done(one.Proclaim(ctx, "still one"))
	equal(string((<-observed).Kvs[0].Value), "still one", "what it says")
	elected := make(chan error)
	go func() { elected <- other.Campaign(ctx, "other") }()
	done(one.Resign(ctx))
	done(<-elected)
	equal(string(must(other.Leader(ctx)).Kvs[0].Value), "other", "who follows")
	refused(one.Proclaim(ctx, "again"), concurrency.ErrElectionNotLeader, "who resigned")
	cancel()
	done(first.Close())
	done(second.Close())
}

// What moves between accounts is never more or less. The library reads the second key from
// whichever member comes next, at the revision of the first, and gives up if that one isn't so far,
// with etcd's servers as well: one member is asked.
func transfers(ctx context.Context, w *world) {
	client := must(clientv3.New(clientv3.Config{Endpoints: w.endpoints[:1]}))
	for number := range 4 {
		must(w.client.Put(ctx, fmt.Sprint("account/", number), "100"))
	}
	var group sync.WaitGroup
	for number := range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			for step := range 10 {
				from := fmt.Sprint("account/", (number+step)%4)
				to := fmt.Sprint("account/", (number+step*3+1)%4)
				must(concurrency.NewSTM(client, func(stm concurrency.STM) error {
					if from == to {
						return nil
					}
					stm.Put(from, strconv.Itoa(must(strconv.Atoi(stm.Get(from)))-number))
					stm.Put(to, strconv.Itoa(must(strconv.Atoi(stm.Get(to)))+number))
					return nil
				}, concurrency.WithAbortContext(ctx)))
			}
		}()
	}
	group.Wait()
	sum := 0
	for number := range 4 {
		answer := must(w.client.Get(ctx, fmt.Sprint("account/", number)))
		sum += must(strconv.Atoi(string(answer.Kvs[0].Value)))
	}
	equal(sum, 400, "the sum")
	done(client.Close())
}
