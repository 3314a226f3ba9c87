// Puts vulnerabilities into a real Clair's database, as its own import does; that one cannot write ranges of versions.
//
//	clair-import CONNECTION-STRING < updates.jsonl
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/quay/claircore/datastore/postgres"
	"github.com/quay/claircore/libvuln"
)

func main() {
	ctx := context.Background()
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: clair-import CONNECTION-STRING < updates.jsonl")
		os.Exit(2)
	}
	pool, err := postgres.Connect(ctx, os.Args[1], "clair-import")
	if err == nil {
		defer pool.Close()
		err = libvuln.OfflineImport(ctx, pool, os.Stdin)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
