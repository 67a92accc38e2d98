package mailsync

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// What a pass knows of a mailbox whose map is void is what the next one will
// read.
func TestVoidMap(t *testing.T) {
	for _, source := range []uint32{7, 9, 0} {
		ctx := t.Context()
		led, err := ledger.Open(ctx, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer led.Close()
		rows, err := led.Bind(ctx, []ledger.Entry{{Key: ledger.Key{Dest: "x"}, Line: 1}}, false)
		if err != nil {
			t.Fatal(err)
		}
		m := ledger.Mailbox{Row: rows[0], Source: "a", Dest: "b", SourceValidity: 7, DestValidity: 8, Floor: 30, Open: true,
			SourceUIDNext: 40, SourceMessages: 5, SourceModSeq: 6, Rules: "since", FilteredDate: 1, FilteredSize: 2, FilteredDuplicate: 3,
			GoneKept: 4, FirstFloor: 20}
		if err := led.AddMailbox(ctx, &m); err != nil {
			t.Fatal(err)
		}
		reject := ledger.Reject{Mailbox: m.ID, UID: 3}
		for _, err := range []error{
			led.AddRuns(ctx, m.ID, []ledger.Run{{Source: 1, Dest: 31, Count: 2}}, nil), led.PutReject(ctx, reject),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		m.Rejects, m.Mapped = 1, true
		b := &box{link: m, rejects: map[uint32]ledger.Reject{3: reject}, floored: true}
		p := &pass{e: &Engine{opt: Options{Ledger: led}, books: books{led}}}
		if err := p.voidMap(ctx, b, source, 10); err != nil {
			t.Fatal(err)
		}
		all, err := led.Mailboxes(ctx, rows[0])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(all[0], b.link); diff != "" || int64(len(b.rejects)) != all[0].Rejects || b.floored {
			t.Errorf("UIDVALIDITY %d: ledger and pass differ (floored %v, rejects %v):\n%s", source, b.floored, b.rejects, diff)
		}
	}
}
