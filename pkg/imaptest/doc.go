// Package imaptest provides IMAP servers to test and to demonstrate against,
// and the tools to fill, read and disturb them. Its main types are [Memory],
// a server within the process; [Script], a server that says exactly what a
// test tells it to; [Fake], a small server whose answers can be made odd;
// [Dovecot], [Cyrus] and [Courier], real ones on loopback; and [Proxy], a bad
// network.
//
// The package speaks IMAP by itself (see [Fill] and [Dump]) so that what it
// reports does not depend on the code under test. It does not import testing,
// is no client library, and is not meant to face any network but loopback.
package imaptest

import "io"

// TB is the part of testing.TB that the helpers need. A *testing.T is one.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
	Logf(format string, args ...any)
	TempDir() string
}

// CloseAfter closes c when the test ends and fails it if that goes wrong.
func CloseAfter(tb TB, c io.Closer) {
	tb.Helper()
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Fatalf("close: %v", err)
		}
	})
}
