//go:build old

package main

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Clients before 3.7 don't know it.
func streamedRange(context.Context, *world) {}

func pageOf(page clientv3.GetResponse) *clientv3.GetResponse { return &page }
