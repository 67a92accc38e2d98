package mailsync_test

import (
	"log/slog"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// BenchmarkSync migrates one account between two Dovecots, one lane: 2,000
// messages of a realistic size mix, and 10,000 small ones. MB/s is the
// destination's.
func BenchmarkSync(b *testing.B) {
	b.Run("realistic", func(b *testing.B) { benchSync(b, imaptest.Spec{Median: 12 << 10, Mean: 75 << 10, Max: 25 << 20}, 2000) })
	b.Run("small", func(b *testing.B) { benchSync(b, imaptest.Spec{Median: 2 << 10}, 10_000) })
}

func benchSync(b *testing.B, spec imaptest.Spec, messages int) {
	src := imaptest.NewDovecot(b, imaptest.DovecotOptions{Fsync: "optimized"})
	dst := imaptest.NewDovecot(b, imaptest.DovecotOptions{Fsync: "optimized"})
	if err := src.AddUser("u", "p"); err != nil {
		b.Fatal(err)
	}
	box := imaptest.NewGenerator(1, spec).Mailbox("INBOX", messages)
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
		if err != nil || c.Copied != int64(messages) {
			b.Fatalf("%+v, %v", c, err)
		}
		b.SetBytes(c.Octets)
		if err := led.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
