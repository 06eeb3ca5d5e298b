// The real etcd, built from its module: 3.7.1 by go.mod, 3.6.14 by go-3.6.mod. Debian's archive has
// older ones only.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
