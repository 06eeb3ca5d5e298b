//go:build !old

package main

import (
	"context"
	"fmt"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// More than one message may hold.
func streamedRange(ctx context.Context, w *world) {
	for number := range 40 {
		must(w.client.Put(ctx, fmt.Sprintf("stream/%02d", number), strings.Repeat("v", 200_000)))
	}
	stream := must(w.client.GetStream(ctx, "stream/", clientv3.WithPrefix()))
	whole := must(clientv3.GetStreamToGetResponse(stream))
	equal([]int{len(whole.Kvs), int(whole.Count)}, []int{40, 40}, "all pieces")
	equal(string(whole.Kvs[39].Key), "stream/39", "the last")
	must(w.client.Delete(ctx, "stream/", clientv3.WithPrefix()))
}

func pageOf(page *clientv3.GetResponse) *clientv3.GetResponse { return page }
