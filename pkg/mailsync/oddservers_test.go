package mailsync_test

import (
	"context"
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
	repaired := r.repairKinds()
	r.explained(source, stored, repaired)
	for _, pass := range []string{"second", "ledgerless"} {
		if pass == "ledgerless" {
			r.dir = r.t.TempDir() + "/lost"
		}
		if c := r.oddSync(); c.Copied != 0 || c.AlreadyThere != arrived || c.Rejected != first.Rejected {
			r.t.Errorf("%s pass: %+v, %d had arrived", pass, c, arrived)
		}
	}
	r.explained(source, r.bodies(r.dst), repaired)
	if now := r.bodies(r.dst); len(now) != len(stored) {
		r.t.Errorf("%d messages were stored, and %d are there now", len(stored), len(now))
	}
}

// repairKinds returns the kinds of the repairs of each message, by its UID at
// the source.
func (r *rig) repairKinds() map[uint32]string {
	kinds := map[uint32]string{}
	for _, rep := range r.repairRows() {
		kinds[rep.UID] += rep.Kind + " "
	}
	return kinds
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
// Date and flags are those of the source unless they were repaired, or are such
// as no server can be trusted with.
func (r *rig) explained(source, stored []imaptest.DumpedMessage, repaired map[uint32]string) {
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
	of := assign(want, stored, func(m, g imaptest.DumpedMessage) bool {
		kinds := repaired[m.UID]
		switch {
		case !g.Date.Equal(m.Date) && !strings.Contains(kinds, "date") && !oddDate(m.Date),
			!sameFlags(m.Flags, g.Flags, r.src.fold || r.dst.fold) && !strings.Contains(kinds, "keywords") && !longKeyword(m.Flags):
			return false
		}
		if g.Digest == m.Digest {
			return true
		}
		_, ok := imaptest.Explain(m.Body, g.Body)
		return ok
	})
	for i, m := range want {
		if of[i] < 0 {
			r.t.Errorf("unaccounted for: UID %d, %s, %s, repaired %q, %.200q", m.UID, m.Date, m.Flags, repaired[m.UID], m.Body)
		}
	}
	for j, g := range stored {
		if !slices.Contains(of, j) {
			r.t.Errorf("too much: UID %d, %s, %s, %.200q", g.UID, g.Date, g.Flags, g.Body)
		}
	}
}

// assign gives each message that is wanted a stored one that it can have
// become, as many as possible, and returns which; -1: none.
func assign(want, stored []imaptest.DumpedMessage, canBecome func(m, g imaptest.DumpedMessage) bool) []int {
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

// oddDate reports whether some server stores an INTERNALDATE as another one and
// says OK: those before 1970, after 2036, and zones that there are not.
func oddDate(d time.Time) bool {
	_, zone := d.Zone()
	return d.Year() <= 1970 || d.Year() >= 2036 || zone%900 != 0 || max(zone, -zone) > 14*3600
}

// longKeyword reports whether a keyword is longer than what is sent to a server.
func longKeyword(flags []string) bool {
	return slices.ContainsFunc(flags, func(f string) bool { return len(f) > 50 })
}

func sameFlags(a, b []string, fold bool) bool {
	x, y := strings.Join(a, " "), strings.Join(b, " ")
	return x == y || fold && sortedFold(x) == sortedFold(y)
}

func sortedFold(flags string) string {
	f := strings.Fields(strings.ToLower(flags))
	slices.Sort(f)
	return strings.Join(f, " ")
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
