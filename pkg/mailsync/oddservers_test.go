package mailsync_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// oddFakeHost shows the odd messages as no real server can.
func oddFakeHost(t *testing.T) host {
	t.Helper()
	h := fakeHost(imaptest.NewFake(t, imaptest.FakeOptions{}, imaptest.OddMailbox("INBOX", oddSmall())))
	h.name = "odd fake"
	return h
}

// oddSmall are all odd messages but the one of 30 MB.
func oddSmall() []imaptest.OddMessage {
	return slices.DeleteFunc(imaptest.OddMessages(), func(m imaptest.OddMessage) bool { return m.Name == imaptest.OddLarge })
}

// TestOddServers: a mailbox of odd messages goes from each server to each.
// Whatever the two make of it, each message that the source lists is at the
// destination, equal or altered as that server is known to do, or stands among
// the rejects; a rerun sends nothing, and neither does one without the ledger.
func TestOddServers(t *testing.T) {
	for _, p := range []struct {
		name     string
		src, dst func(t *testing.T) host
	}{
		{"fake to dovecot", oddFakeHost, slashHost},
		{"fake to cyrus", oddFakeHost, cyrusHost},
		{"fake to courier", oddFakeHost, courierHost},
		{"fake to memory", oddFakeHost, memoryHost},
		{"dovecot to dovecot", dotHost, slashHost},
		{"dovecot to cyrus", slashHost, cyrusHost},
		{"dovecot to courier", slashHost, courierHost},
		{"dovecot to memory", slashHost, memoryHost},
		{"cyrus to dovecot", cyrusHost, slashHost},
		{"courier to dovecot", courierHost, slashHost},
		{"memory to dovecot", memoryHost, slashHost},
		{"cyrus to courier", cyrusHost, courierHost},
		{"courier to cyrus", courierHost, cyrusHost},
	} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, p.src(t), p.dst(t))
			if r.src.name != "odd fake" {
				if _, err := imaptest.FillOdd(t.Context(), r.src.access(r.user, password), "INBOX", oddSmall()); err != nil {
					t.Fatal(err)
				}
			}
			r.oddPasses()
		})
	}
}

// oddPasses makes three passes, the last one without the ledger, and checks
// what has become of every message of the source's INBOX.
func (r *rig) oddPasses() {
	r.t.Helper()
	source := r.bodies(r.src)
	first := r.oddSync()
	arrived := int64(len(source)) - first.Rejected
	if first.Listed != int64(len(source)) || first.Copied != arrived {
		r.t.Errorf("first pass: %+v, the source has %d messages", first, len(source))
	}
	stored := r.bodies(r.dst)
	r.explained(source, stored)
	for _, pass := range []string{"second", "ledgerless"} {
		if pass == "ledgerless" {
			r.dir = r.t.TempDir() + "/lost"
		}
		if c := r.oddSync(); c.Copied != 0 || c.AlreadyThere != arrived || c.Rejected != first.Rejected {
			r.t.Errorf("%s pass: %+v, %d had arrived", pass, c, arrived)
		}
	}
	r.explained(source, r.bodies(r.dst))
	if now := r.bodies(r.dst); len(now) != len(stored) {
		r.t.Errorf("%d messages were stored, and %d are there now", len(stored), len(now))
	}
}

// oddSync makes a pass that ends well, or with the refusal of messages.
func (r *rig) oddSync() throughput.Count {
	r.t.Helper()
	c, err := r.sync(r.t.Context())
	if f := fault.Of(err); err != nil && (f == nil || f.Scope != fault.Message) {
		r.t.Fatalf("sync: %v", err)
	}
	if !c.Balanced() || c.NotTried != 0 || c.Gone != 0 {
		r.t.Errorf("count does not add up: %+v", c)
	}
	return c
}

// bodies reads the INBOX of a host, with what is in each message.
func (r *rig) bodies(h host) []imaptest.DumpedMessage {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	c, err := imaptest.DumpBodies(ctx, h.access(r.user, password))
	if err != nil {
		r.t.Fatal(err)
	}
	return c.Mailbox("INBOX").Messages
}

// explained holds what is stored against the source, as multisets: each message
// that is not rejected has one of its own among those stored, and none is left.
func (r *rig) explained(source, stored []imaptest.DumpedMessage) {
	r.t.Helper()
	refused := map[uint32]string{}
	for _, x := range r.rejects() {
		refused[x.UID] = x.Text
	}
	var want []imaptest.DumpedMessage
	for _, m := range source {
		if text, ok := refused[m.UID]; !ok {
			want = append(want, m)
		} else if text == "" {
			r.t.Errorf("UID %d is rejected without a word", m.UID)
		}
	}
	of := assign(want, stored)
	for i, m := range want {
		if of[i] < 0 {
			r.t.Errorf("unaccounted for: UID %d, %s, %.200q", m.UID, m.Date, m.Body)
		}
	}
	for j, g := range stored {
		if !slices.Contains(of, j) {
			r.t.Errorf("too much: UID %d, %s, %.200q", g.UID, g.Date, g.Body)
		}
	}
}

// assign gives each message that is wanted a stored one that it can have
// become, as many as possible, and returns which; -1: none.
func assign(want, stored []imaptest.DumpedMessage) []int {
	of, owner, can := make([]int, len(want)), make([]int, len(stored)), make([][]int, len(want))
	for j := range owner {
		owner[j] = -1
	}
	var place func(i int, seen []bool) bool
	place = func(i int, seen []bool) bool {
		for _, j := range can[i] {
			if seen[j] {
				continue
			}
			seen[j] = true
			if owner[j] < 0 || place(owner[j], seen) {
				of[i], owner[j] = j, i
				return true
			}
		}
		return false
	}
	bones := make([]string, len(stored))
	for j, g := range stored {
		bones[j] = bonesOf(g.Body)
	}
	for i, m := range want {
		wanted := bonesOf(m.Body)
		for j, g := range stored {
			// What differs in its bones need not be looked at closer.
			if (wanted == bones[j] || len(g.Body) == 0) && canBecome(m, g) {
				can[i] = append(can[i], j)
			}
		}
		of[i] = -1
		place(i, make([]bool, len(stored)))
	}
	return of
}

// canBecome reports whether a server may show m as g.
func canBecome(m, g imaptest.DumpedMessage) bool {
	if !g.Date.Equal(m.Date) && !oddDate(m.Date) {
		return false
	}
	if g.Digest == m.Digest {
		return true
	}
	_, ok := imaptest.Explain(m.Body, g.Body)
	return ok
}

// bonesOf is a digest of the octets of a message but for those that servers
// alter.
func bonesOf(b []byte) string {
	out := make([]byte, 0, len(b))
	for _, c := range b {
		if c > 0 && c < 0x80 && c != 'X' && c != '\r' && c != '\n' {
			out = append(out, c)
		}
	}
	return digest(out)
}

// oddDate reports whether some server cannot keep an INTERNALDATE.
func oddDate(d time.Time) bool {
	_, zone := d.Zone()
	return d.Unix() <= 0 || d.Year() > 2036 || zone%900 != 0 || zone > 14*3600 || strings.HasPrefix(fmt.Sprint(d), "2036-12-31")
}
