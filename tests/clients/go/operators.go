package main

import (
	"context"
	"crypto/sha256"
	"io"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

func operators(ctx context.Context, w *world) {
	members := must(w.client.MemberList(ctx)).Members
	equal(len(members), len(w.endpoints), "members")
	leader := uint64(0)
	for _, endpoint := range w.endpoints {
		status := must(w.client.Status(ctx, endpoint))
		equal(status.Leader != 0 && status.Version != "", true, "its status")
		leader = status.Leader
		must(w.client.HashKV(ctx, endpoint, 0))
		must(w.client.Defragment(ctx, endpoint))
	}
	learner := addLearner(ctx, w)
	_, err := w.client.MemberPromote(ctx, learner)
	refused(err, rpctypes.ErrMemberLearnerNotReady, "who isn't there yet")
	_, err = w.client.MemberAdd(ctx, members[0].PeerURLs)
	refused(err, rpctypes.ErrPeerURLExist, "a URL twice")
	must(w.client.MemberRemove(ctx, learner))
	_, err = w.client.MemberRemove(ctx, learner)
	refused(err, rpctypes.ErrMemberNotFound, "a member twice")
	equal(len(must(w.client.AlarmList(ctx)).Alarms), 0, "alarms")
	snapshot(ctx, w)
	for _, member := range members {
		if member.ID != leader {
			move(ctx, w, leader, member.ID)
			return
		}
	}
}

// Members must have heard from each other for five seconds before there may be another one.
func addLearner(ctx context.Context, w *world) uint64 {
	for {
		added, err := w.client.MemberAddAsLearner(ctx, []string{"http://127.0.0.1:9"})
		if err == nil {
			return added.Member.ID
		}
		refused(err, rpctypes.ErrUnhealthy, "a new member")
		time.Sleep(time.Second / 10)
	}
}

// The leader itself must be asked for it.
func move(ctx context.Context, w *world, from, to uint64) {
	for _, endpoint := range w.endpoints {
		if must(w.client.Status(ctx, endpoint)).Header.MemberId == from {
			own := must(clientv3.New(clientv3.Config{Endpoints: []string{endpoint}}))
			must(own.MoveLeader(ctx, to))
			equal(must(own.Status(ctx, endpoint)).Leader, to, "who leads now")
			done(own.Close())
		}
	}
}

// A checksum follows the database.
func snapshot(ctx context.Context, w *world) {
	data := must(io.ReadAll(must(w.client.Snapshot(ctx))))
	size := len(data) - sha256.Size
	equal(size > 0 && size%512 == 0, true, "its size")
	sum := sha256.Sum256(data[:size])
	equal(data[size:], sum[:], "its checksum")
}

func users(ctx context.Context, w *world) {
	must(w.client.RoleAdd(ctx, "reader"))
	must(w.client.RoleGrantPermission(ctx, "reader", "open/", clientv3.GetPrefixRangeEnd("open/"),
		clientv3.PermissionType(clientv3.PermRead)))
	for name, role := range map[string]string{"root": "root", "guest": "reader"} {
		must(w.client.UserAdd(ctx, name, "pw"))
		must(w.client.UserGrantRole(ctx, name, role))
	}
	must(w.client.Put(ctx, "open/a", "1"))
	must(w.client.AuthEnable(ctx))
	_, err := w.client.Get(ctx, "open/a")
	refused(err, rpctypes.ErrUserEmpty, "nobody")
	_, err = clientv3.New(clientv3.Config{Endpoints: w.endpoints, Username: "guest", Password: "no",
		DialTimeout: patience})
	refused(err, rpctypes.ErrAuthFailed, "a wrong password")
	guest := w.connect(clientv3.Config{Username: "guest", Password: "pw"})
	root := w.connect(clientv3.Config{Username: "root", Password: "pw"})
	equal(must(guest.Get(ctx, "open/", clientv3.WithPrefix())).Count, int64(1), "what may be read")
	_, err = guest.Put(ctx, "open/a", "2")
	refused(err, rpctypes.ErrPermissionDenied, "what may not be written")
	_, err = guest.Get(ctx, "closed")
	refused(err, rpctypes.ErrPermissionDenied, "what may not be read")
	answer := <-guest.Watch(ctx, "closed")
	equal(answer.Canceled && answer.Err() != nil, true, "what may not be watched")
	revision := must(root.Put(ctx, "open/a", "3")).Header.Revision
	equal(next(guest.Watch(ctx, "open/a", clientv3.WithRev(revision)), 1), []string{"PUT open/a 3"},
		"what may be watched")
	equal(must(root.AuthStatus(ctx)).Enabled, true, "users are asked for")
	must(root.AuthDisable(ctx))
	done(guest.Close())
	done(root.Close())
	must(w.client.UserDelete(ctx, "guest"))
	must(w.client.RoleDelete(ctx, "reader"))
	must(w.client.Get(ctx, "closed"))
}
