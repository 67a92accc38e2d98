package verify_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/throughput"
	"github.com/imapfleet/imapfleet/pkg/verify"
)

// TestOddMessages: whatever a server made of a message of each odd kind, a deep
// look says the same of it as an independent reader; nothing is unaccounted for.
func TestOddMessages(t *testing.T) {
	odd := slices.DeleteFunc(imaptest.OddMessages(), func(m imaptest.OddMessage) bool { return m.Name == imaptest.OddLarge })
	fake := func(t *testing.T) host {
		return fakeHost(imaptest.NewFake(t, imaptest.FakeOptions{}, imaptest.OddMailbox("INBOX", odd)))
	}
	for _, tt := range []struct {
		name     string
		src, dst func(t *testing.T) host
	}{
		{"fake to dovecot", fake, func(t *testing.T) host { return realHost(imaptest.NewDovecotSlash(t), "", "/") }},
		{"fake to cyrus", fake, func(t *testing.T) host { return realHost(imaptest.NewCyrus(t), "INBOX.", ".") }},
		{"fake to courier", fake, func(t *testing.T) host {
			return realHost(imaptest.NewCourier(t, imaptest.CourierOptions{}), "INBOX.", ".")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.src(t), tt.dst(t))
			_, err := r.engine().Sync(t.Context(), r.pair(), r.row, nil, throughput.NewRun().Account("test", 1))
			if err != nil && fault.ScopeOf(err) != fault.Message {
				t.Fatal(err)
			}
			rep := r.verify(func(o *verify.Options) { o.Deep = true })
			t.Logf("%s: %q", rep.State, kinds(rep))
			compareOdd(t, r, rep)
		})
	}
}

// compareOdd holds the sums of a report against an independent reading.
func compareOdd(t *testing.T, r *rig, rep verify.Report) {
	t.Helper()
	src, dst := r.dump(r.src).Mailbox("INBOX"), r.dump(r.dst).Mailbox("INBOX")
	altered, lost, other := map[uint32]bool{}, map[uint32]bool{}, 0
	for _, f := range rep.Findings {
		switch {
		case f.Kind == verify.Altered, f.Kind == verify.Repaired && !strings.HasPrefix(f.Text, "date: ") && !strings.HasPrefix(f.Text, "-"), f.Kind == verify.Content:
			altered[f.UID] = true
		case f.Kind == verify.Rejected, f.Kind == verify.Missing, f.Kind == verify.Accepted:
			lost[f.UID] = true
		case f.Kind == verify.NotOurs, f.Kind == verify.Duplicate, f.Kind == verify.Unreadable, f.Kind == verify.Removed:
			other++
		}
	}
	if got, want := len(src.Messages)-len(altered)-len(lost), common(src, dst); got != want || other > 0 {
		t.Errorf("%d messages are equal to the last octet, an independent reader finds %d\n%q\n%+v", got, want, kinds(rep), rep.Findings)
	}
}

// common counts the messages that two mailboxes have in common, as multisets.
func common(a, b *imaptest.DumpedMailbox) (n int) {
	have := map[string]int{}
	for _, m := range b.Messages {
		have[m.Digest]++
	}
	for _, m := range a.Messages {
		if have[m.Digest] > 0 {
			have[m.Digest]--
			n++
		}
	}
	return n
}
