// What users of Go's clientv3 do, with the servers named by the last argument. Each thing done is a
// line "ok"; "kill" and "restart" ask whoever reads the lines to do that to the leader.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const patience = 60 * time.Second

type world struct {
	client    *clientv3.Client
	endpoints []string
	answers   *bufio.Reader
}

// Panics are how a check fails: nothing after it would mean anything.
func must[T any](value T, err error) T {
	done(err)
	return value
}

func done(err error) {
	if err != nil {
		panic(err)
	}
}

func equal(got, wanted any, what string) {
	if !reflect.DeepEqual(got, wanted) {
		panic(fmt.Sprintf("%s: got %v, wanted %v", what, got, wanted))
	}
}

func refused(err, wanted error, what string) {
	if err == nil || err.Error() != wanted.Error() {
		panic(fmt.Sprintf("%s: got %v, wanted %v", what, err, wanted))
	}
}

func (w *world) ask(what string) {
	fmt.Println(what)
	must(w.answers.ReadString('\n'))
}

func (w *world) connect(config clientv3.Config) *clientv3.Client {
	config.Endpoints = w.endpoints
	config.DialTimeout = patience
	return must(clientv3.New(config))
}

func main() {
	w := &world{endpoints: strings.Split(os.Args[len(os.Args)-1], ","),
		answers: bufio.NewReader(os.Stdin)}
	w.client = w.connect(clientv3.Config{})
	for _, one := range []struct {
		name  string
		check func(context.Context, *world)
	}{
		{"keys: put, get, delete, ranges", keys},
		{"transactions", transactions},
		{"a range as a stream", streamedRange},
		{"leases", leases},
		{"watches", watches},
		{"compaction, and watches behind it", compaction},
		{"namespaces, leasing and mirrors", wrappers},
		{"names of a gRPC service", naming},
		{"mutexes", mutexes},
		{"elections", elections},
		{"software transactional memory", transfers},
		{"members and maintenance", operators},
		{"users and roles", users},
		{"the loss of a leader", survival},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		one.check(ctx, w)
		cancel()
		fmt.Println("ok", one.name)
	}
	done(w.client.Close())
}
