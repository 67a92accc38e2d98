package mailsync_test

import (
	"log/slog"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// BenchmarkSync migrates one account of 2,000 messages of a realistic size mix
// between two Dovecots, one lane: MB/s is the destination's.
func BenchmarkSync(b *testing.B) {
	src := imaptest.NewDovecot(b, imaptest.DovecotOptions{Fsync: "optimized"})
	dst := imaptest.NewDovecot(b, imaptest.DovecotOptions{Fsync: "optimized"})
	if err := src.AddUser("u", "p"); err != nil {
		b.Fatal(err)
	}
	box := imaptest.NewGenerator(1, imaptest.Spec{Median: 12 << 10, Mean: 75 << 10, Max: 25 << 20}).Mailbox("INBOX", 2000)
	if err := imaptest.Fill(b.Context(), src.Access("u", "p"), box); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	b.StopTimer()
	for i := range b.N {
		user := "u" + string(rune('a'+i%26)) + string(rune('a'+i/26))
		if err := dst.AddUser(user, "p"); err != nil {
			b.Fatal(err)
		}
		led, err := ledger.Open(b.Context(), b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		rows, err := led.Bind(b.Context(), []ledger.Entry{{Key: ledger.Key{Host1: "a", User1: user, Dest: user}, Line: 1}}, false)
		if err != nil {
			b.Fatal(err)
		}
		e := mailsync.New(mailsync.Options{Ledger: led, Logger: slog.New(slog.DiscardHandler)})
		p := pairOf(b, src.Access("u", "p"), dst.Access(user, "p"))
		b.StartTimer()
		c, err := e.Sync(b.Context(), p, rows[0], nil, throughput.NewRun().Account("u", 1))
		b.StopTimer()
		if err != nil || c.Copied != 2000 {
			b.Fatalf("%+v, %v", c, err)
		}
		b.SetBytes(c.Octets)
		if err := led.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
