package main

import (
	"context"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

func named(answer *clientv3.GetResponse) []string {
	names := []string{}
	for _, kv := range answer.Kvs {
		names = append(names, string(kv.Key))
	}
	return names
}

func keys(ctx context.Context, w *world) {
	first := must(w.client.Put(ctx, "keys/a", "1"))
	second := must(w.client.Put(ctx, "keys/a", "2", clientv3.WithPrevKV()))
	equal(string(second.PrevKv.Value), "1", "the former value")
	equal(second.Header.Revision, first.Header.Revision+1, "the revision")
	for _, name := range []string{"c", "b", "d"} {
		must(w.client.Put(ctx, "keys/"+name, name))
	}
	all := must(w.client.Get(ctx, "keys/", clientv3.WithPrefix(), clientv3.WithSort(
		clientv3.SortByModRevision, clientv3.SortDescend)))
	equal(named(all), []string{"keys/d", "keys/b", "keys/c", "keys/a"}, "by revision")
	some := must(w.client.Get(ctx, "keys/", clientv3.WithPrefix(), clientv3.WithLimit(2)))
	equal(named(some), []string{"keys/a", "keys/b"}, "the first two")
	equal([]any{some.More, some.Count}, []any{true, int64(4)}, "what is left")
	old := must(w.client.Get(ctx, "keys/a", clientv3.WithRev(first.Header.Revision)))
	equal(string(old.Kvs[0].Value), "1", "of a former revision")
	last := must(w.client.Get(ctx, "keys/", clientv3.WithLastKey()...))
	equal(named(last), []string{"keys/d"}, "the last one")
	counted := must(w.client.Get(ctx, "keys/b", clientv3.WithFromKey(), clientv3.WithCountOnly()))
	equal(counted.Count >= 3, true, "from a key on")
	gone := must(w.client.Delete(ctx, "keys/", clientv3.WithPrefix(), clientv3.WithPrevKV()))
	equal([]int{int(gone.Deleted), len(gone.PrevKvs)}, []int{4, 4}, "what was deleted")
	_, err := w.client.Get(ctx, "keys/a", clientv3.WithRev(gone.Header.Revision+1000))
	refused(err, rpctypes.ErrFutureRev, "a revision to come")
	_, err = w.client.Put(ctx, "", "v")
	refused(err, rpctypes.ErrEmptyKey, "no key")
	_, err = w.client.Put(ctx, "keys/none", "", clientv3.WithIgnoreValue())
	refused(err, rpctypes.ErrKeyNotFound, "no value to keep")
	_, err = w.client.Put(ctx, "keys/large", string(make([]byte, 1_600_000)))
	refused(err, rpctypes.ErrRequestTooLarge, "a large value")
}

func transactions(ctx context.Context, w *world) {
	make := func(value string) *clientv3.TxnResponse {
		return must(w.client.Txn(ctx).
			If(clientv3.Compare(clientv3.CreateRevision("txn/a"), "=", 0)).
			Then(clientv3.OpPut("txn/a", value)).
			Else(clientv3.OpGet("txn/a"), clientv3.OpTxn(
				[]clientv3.Cmp{clientv3.Compare(clientv3.Value("txn/a"), ">", "a")},
				[]clientv3.Op{clientv3.OpPut("txn/b", "nested"), clientv3.OpGet("txn/b")},
				nil)).Commit())
	}
	equal(make("b").Succeeded, true, "the first")
	second := make("c")
	equal(second.Succeeded, false, "the second")
	equal(string(second.Responses[0].GetResponseRange().Kvs[0].Value), "b", "what there is")
	nested := second.Responses[1].GetResponseTxn()
	equal(string(nested.Responses[1].GetResponseRange().Kvs[0].Value), "nested", "its own put")
	_, err := w.client.Txn(ctx).Then(clientv3.OpPut("a", "1"), clientv3.OpPut("a", "2")).Commit()
	refused(err, rpctypes.ErrDuplicateKey, "one key twice")
	many := []clientv3.Op{}
	for number := range 129 {
		many = append(many, clientv3.OpPut(fmt.Sprint("txn/", number), ""))
	}
	_, err = w.client.Txn(ctx).Then(many...).Commit()
	refused(err, rpctypes.ErrTooManyOps, "129 operations")
}
