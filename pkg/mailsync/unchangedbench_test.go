package mailsync_test

import (
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// unchangedAccount is one pair of accounts and how many messages it has.
type unchangedAccount struct {
	pair account.Pair
	want int64
}

// passes makes one pass over each account, and then measures further ones, of
// several accounts at a time.
func passes(b *testing.B, all []unchangedAccount) {
	led, err := ledger.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer led.Close()
	list := make([]ledger.Entry, len(all))
	for i := range list {
		list[i] = ledger.Entry{Key: ledger.Key{Host1: "a", User1: strconv.Itoa(i), Dest: strconv.Itoa(i)}, Line: i + 1}
	}
	rows, err := led.Bind(b.Context(), list, false)
	if err != nil {
		b.Fatal(err)
	}
	e := mailsync.New(mailsync.Options{Ledger: led, Logger: slog.New(slog.DiscardHandler)})
	meter := throughput.NewRun()
	pass := func(i int, copied int64) {
		c, err := e.Sync(b.Context(), all[i].pair, rows[i], nil, meter.Account("u", 1))
		if err != nil || c.Copied != copied || c.Listed != all[i].want {
			b.Errorf("%+v, %v", c, err)
		}
	}
	for i := range all {
		pass(i, all[i].want)
	}
	var next atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	if len(all) == 1 {
		for b.Loop() {
			pass(0, 0)
		}
		return
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			pass(int(next.Add(1))%len(all), 0)
		}
	})
}

// BenchmarkUnchanged is a pass over accounts that did not change, logins
// included.
func BenchmarkUnchanged(b *testing.B) {
	for _, each := range []int{50, 500} {
		b.Run(fmt.Sprintf("dovecot/40 mailboxes of %d", each), func(b *testing.B) {
			src, dst := imaptest.NewDovecot(b, imaptest.DovecotOptions{}), imaptest.NewDovecot(b, imaptest.DovecotOptions{})
			for _, d := range []*imaptest.Dovecot{src, dst} {
				if err := d.AddUser("u", "p"); err != nil {
					b.Fatal(err)
				}
			}
			g := imaptest.NewGenerator(1, imaptest.Spec{Median: 500, Mean: 600, Max: 2000})
			var boxes []imaptest.Mailbox
			for i := range 40 {
				boxes = append(boxes, g.Mailbox(fmt.Sprintf("box %d", i), each))
			}
			if err := imaptest.Fill(b.Context(), src.Access("u", "p"), boxes...); err != nil {
				b.Fatal(err)
			}
			passes(b, []unchangedAccount{{pairOf(b, src.Access("u", "p"), dst.Access("u", "p")), int64(40 * each)}})
		})
	}
	b.Run("memory/200 accounts", func(b *testing.B) {
		src, err := imaptest.NewMemory(imaptest.MemoryOptions{})
		if err != nil {
			b.Fatal(err)
		}
		defer src.Close()
		dst, err := imaptest.NewMemory(imaptest.MemoryOptions{})
		if err != nil {
			b.Fatal(err)
		}
		defer dst.Close()
		g := imaptest.NewGenerator(1, imaptest.Spec{Median: 500, Mean: 600, Max: 2000})
		var all []unchangedAccount
		for i := range 200 {
			user := fmt.Sprintf("u%d", i)
			for _, m := range []*imaptest.Memory{src, dst} {
				if err := m.AddUser(user, "p"); err != nil {
					b.Fatal(err)
				}
			}
			if err := src.Fill(user, g.Mailbox("INBOX", 20), g.Mailbox("Sent", 10)); err != nil {
				b.Fatal(err)
			}
			all = append(all, unchangedAccount{pairOf(b, src.Access(user, "p"), dst.Access(user, "p")), 30})
		}
		passes(b, all)
	})
}
