// Command imapfleet migrates the mailboxes of a list from one set of IMAP
// servers to another. This package is wiring only: flags, signals, files, exit
// codes; one file per command. What it wires is in pkg.
package main

import (
	"context"
	"os"
)

func main() {
	ignoreBrokenPipe()
	surviveStatusSignal()
	ctx, stop := notify(context.Background())
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
