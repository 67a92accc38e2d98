package mailsync_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

var fieldLine = regexp.MustCompile(`^([!-9;-~]+ *:|[ \t])`)

// strict refuses what the strictest known servers refuse, in a server's words.
func strict(octets []byte) string {
	head, _, whole := bytes.Cut(octets, []byte("\r\n\r\n"))
	switch {
	case bytes.ContainsRune(octets, 0):
		return "NO Message contains NUL characters"
	case bytes.Count(octets, []byte("\n")) != bytes.Count(octets, []byte("\r\n")) || bytes.Count(octets, []byte("\r")) != bytes.Count(octets, []byte("\r\n")):
		return "NO Message contains bare newlines"
	case !bytes.HasSuffix(octets, []byte("\r\n")):
		return "NO Message ends in the middle of a line"
	}
	if bytes.HasPrefix(octets, []byte("\r\n")) {
		head, whole = nil, true
	}
	if !whole || bytes.ContainsFunc(head, func(r rune) bool { return r >= 0x80 }) {
		return "NO Message contains non-ASCII characters in headers"
	}
	for line := range bytes.Lines(head) {
		if !fieldLine.Match(line) {
			return "NO Message contains invalid header"
		}
	}
	for line := range bytes.Lines(octets) {
		if len(line) > 1000 {
			return "NO Line too long"
		}
	}
	return ""
}

// strictBox are the odd messages of a size that a test can move often.
func strictBox() (box imaptest.FakeMailbox, refused int) {
	odd := slices.DeleteFunc(imaptest.OddMessages(), func(m imaptest.OddMessage) bool { return m.Name == imaptest.OddLarge })
	both := odd[0]
	both.Body = []byte("Subject: Gr\xfc\xdfe\nX: \x00\n\nbare, 8-bit, NUL, no newline")
	odd = append(odd, both)
	for i, m := range odd {
		odd[i].Flags = nil
		if strict(m.Body) != "" {
			refused++
		}
	}
	box = imaptest.OddMailbox("INBOX", odd)
	return box, refused
}

func everyKind() (kinds []string) {
	for _, k := range rules.RepairKinds() {
		kinds = append(kinds, k.Name)
	}
	return kinds
}

// TestOctetsRepaired: a destination that refuses whatever can be refused takes
// every message once the user allows its repair; each is written down, is there
// once, and is found again by the next pass, with the ledger and without.
func TestOctetsRepaired(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			box, refused := strictBox()
			n := int64(box.Count)
			src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
			dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: way.caps, Whole: strict})
			r := fakeRig(t, src, dst)
			quickly := r.options
			r.options = func(o *mailsync.Options) { quickly(o); o.MaxRejects = 1000 }
			if way.name == "MULTIAPPEND" { // what was rejected is repaired by a later run
				c, err := r.sync(t.Context())
				if f := fault.Of(err); f == nil || f.Scope != fault.Message || !strings.HasPrefix(f.Text, "NO ") {
					t.Errorf("error %v", err)
				}
				counted(t, c, throughput.Count{Listed: n, Copied: n - int64(refused), Rejected: int64(refused)})
				storedOnce(t, dst, "INBOX", box, func(i int) bool { return strict(box.Message(i).Body) == "" })
			}
			r.smallToo()
			small := r.options
			r.options = func(o *mailsync.Options) { small(o); o.MaxRejects = 1000 }
			r.repair(everyKind()...)
			c := r.mustSync()
			if c.Rejected != 0 || c.Copied+c.AlreadyThere != n || len(r.rejects()) != 0 {
				t.Errorf("%+v, rejects %+v", c, r.rejects())
			}
			octets := r.octetRepairs()
			for i := range box.Count {
				if want := strict(box.Message(i).Body) != ""; octets[uint32(i)+1] != want {
					t.Errorf("message %d %.60q: repaired %v, want %v", i, box.Message(i).Body, !want, want)
				}
			}
			if len(octets) != refused {
				t.Errorf("%d repaired, %d had to be", len(octets), refused)
			}
			for range 2 {
				counted(t, r.mustSync(), throughput.Count{Listed: n, AlreadyThere: n})
				if got := len(dst.Stored("INBOX")); int64(got) != n {
					t.Errorf("%d messages of %d", got, n)
				}
				r.dir = t.TempDir() + "/lost"
			}
			counted(t, r.mustSync(), throughput.Count{Listed: n, AlreadyThere: n})
			for uid := range r.octetRepairs() { // of some the plain comparison says that they are the same
				if !octets[uid] {
					t.Errorf("message %d was found again as something else", uid)
				}
			}
			obedient(t, dst)
		})
	}
}

// octetRepairs are the messages whose octets the ledger says were changed.
func (r *rig) octetRepairs() map[uint32]bool {
	r.t.Helper()
	out := map[uint32]bool{}
	for _, line := range r.repairs() {
		var uid uint32
		if strings.Contains(line, "SHA-256") {
			if _, err := fmt.Sscan(line, &uid); err != nil {
				r.t.Error(err)
			}
			out[uid] = true
		}
	}
	return out
}
