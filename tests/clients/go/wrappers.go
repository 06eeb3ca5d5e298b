package main

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/leasing"
	"go.etcd.io/etcd/client/v3/mirror"
	"go.etcd.io/etcd/client/v3/namespace"
	"go.etcd.io/etcd/client/v3/naming/endpoints"
	"go.etcd.io/etcd/client/v3/ordering"
)

func wrappers(ctx context.Context, w *world) {
	inside := namespace.NewKV(w.client.KV, "space/")
	revision := must(inside.Put(ctx, "a", "1")).Header.Revision
	outside := must(w.client.Get(ctx, "space/", clientv3.WithPrefix()))
	equal(named(outside), []string{"space/a"}, "outside")
	watcher := namespace.NewWatcher(w.client.Watcher, "space/")
	watch := watcher.Watch(ctx, "a", clientv3.WithRev(revision))
	equal(next(watch, 1), []string{"PUT a 1"}, "inside")

	leased, closed, err := leasing.NewKV(w.client, "leasing/")
	done(err)
	must(leased.Put(ctx, "space/b", "2"))
	for range 3 { // The second and third are answered from what is held.
		equal(named(must(leased.Get(ctx, "space/b"))), []string{"space/b"}, "what is leased")
	}
	must(w.client.Put(ctx, "space/c", "3"))
	closed()

	syncer := mirror.NewSyncer(w.client, "space/", 0)
	pages, failed := syncer.SyncBase(ctx)
	mirrored := []string{}
	for page := range pages {
		mirrored = append(mirrored, named(pageOf(page))...)
	}
	done(<-failed)
	equal(mirrored, []string{"space/a", "space/b", "space/c"}, "what is mirrored")
	updates := syncer.SyncUpdates(ctx)
	must(w.client.Delete(ctx, "space/c"))
	equal(next(updates, 1), []string{"DELETE space/c "}, "what follows")

	ordered := ordering.NewKV(w.client.KV, ordering.NewOrderViolationSwitchEndpointClosure(w.client))
	for range 20 { // Any member may answer.
		must(ordered.Get(ctx, "space/a", clientv3.WithSerializable()))
	}
}

func naming(ctx context.Context, w *world) {
	manager := must(endpoints.NewManager(w.client, "service"))
	watching, cancel := context.WithCancel(ctx)
	changes := must(manager.NewWatchChannel(watching))
	lease := must(w.client.Grant(ctx, 600))
	done(manager.AddEndpoint(ctx, "service/a", endpoints.Endpoint{Addr: "10.0.0.1:1"},
		clientv3.WithLease(lease.ID)))
	equal((<-changes)[0].Endpoint.Addr, "10.0.0.1:1", "who came")
	equal(len(must(manager.List(ctx))), 1, "who is there")
	must(w.client.Revoke(ctx, lease.ID))
	equal((<-changes)[0].Op, endpoints.Delete, "who left")
	cancel()
}
