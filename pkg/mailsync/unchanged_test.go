package mailsync_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// many is an account of 40 mailboxes on two Fakes.
func many(t *testing.T, from, to imaptest.FakeOptions) (r *rig, src, dst *imaptest.Fake) {
	t.Helper()
	boxes := []imaptest.FakeMailbox{plain(5)}
	for i := range 39 {
		b := plain(i % 4)
		b.Name = fmt.Sprintf("box %d", i)
		boxes = append(boxes, b)
	}
	src, dst = imaptest.NewFake(t, from, boxes...), imaptest.NewFake(t, to)
	return fakeRig(t, src, dst), src, dst
}

// A pass opens what has changed, and nothing else.
func TestUnchangedStayClosed(t *testing.T) {
	offered := imaptest.FakeOptions{Caps: tracking()}
	r, src, dst := many(t, offered, offered)
	r.options = quick
	first := r.mustSync()
	for _, tt := range []struct {
		name   string
		change func()
		want   throughput.Count
		opened []string
	}{
		{"nothing", func() {}, throughput.Count{}, nil},
		{"new mail", func() { r.fillSource(imaptest.Mailbox{Name: "box 7", Messages: mail("new", 2, 100)}) }, throughput.Count{Copied: 2}, []string{`"box 7"`}},
		{"a flag", func() { set(t, src, map[uint32]string{3: `\Flagged`}) }, throughput.Count{FlagsUpdated: 1}, []string{`"INBOX"`}},
		{"flags at the destination", func() { set(t, dst, map[uint32]string{3: `\Draft`}) }, throughput.Count{}, nil},
		{"mail at the destination", func() { r.fillDest(imaptest.Mailbox{Name: "box 8", Messages: mail("user", 2, 100)}) }, throughput.Count{}, nil},
		{"the source's UIDVALIDITY", func() { must(t, src.Renew("box 9")) }, throughput.Count{}, []string{`"box 9"`}},
		{"the destination's UIDVALIDITY", func() { must(t, dst.Renew("box 10")) }, throughput.Count{}, []string{`"box 10"`}},
	} {
		tt.change()
		n, m := len(src.Commands()), len(dst.Commands())
		c := r.mustSync()
		if c.Copied != tt.want.Copied || c.FlagsUpdated != tt.want.FlagsUpdated || c.Mailboxes != 40 || c.Listed < first.Listed {
			t.Errorf("%s: %+v", tt.name, c)
		}
		if opened := slices.Compact(told(src, n, "EXAMINE")); !slices.Equal(opened, tt.opened) {
			t.Errorf("%s: opened %q, want %q", tt.name, opened, tt.opened)
		}
		if opened := slices.Compact(told(dst, m, "SELECT")); len(opened) > len(tt.opened) {
			t.Errorf("%s: opened %q at the destination", tt.name, opened)
		}
	}
	n := len(src.Commands())
	r.mustSync()
	var names []string
	for _, c := range src.Commands()[n:] {
		names = append(names, c.Name)
	}
	if want := []string{"CAPABILITY", "LOGIN", "ID", "NAMESPACE", "LIST", "LOGOUT"}; !slices.Equal(slices.Compact(names), want) {
		t.Errorf("an unchanged account cost %q, want %q", names, want)
	}
	obedient(t, src)
	obedient(t, dst)
}

// Without CONDSTORE mailboxes are opened for their flags, but the empty ones.
func TestUnchangedWithoutCondstore(t *testing.T) {
	r, src, dst := many(t, imaptest.FakeOptions{}, imaptest.FakeOptions{})
	r.mustSync()
	n, m := len(src.Commands()), len(dst.Commands())
	r.updates(0)
	if opened := told(src, n, "EXAMINE"); len(opened) != 30 {
		t.Errorf("%d mailboxes opened, want the 30 that are not empty: %q", len(opened), opened)
	}
	if opened := opening(dst, m); len(opened) != 0 {
		t.Errorf("opened at the destination: %q", opened)
	}
}

// A mailbox with a rejected message is not unchanged: it is tried again.
func TestRejectsAreNotUnchanged(t *testing.T) {
	refuse := true
	src := imaptest.NewFake(t, imaptest.FakeOptions{Caps: tracking()}, plain(5))
	dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: tracking(), Append: func(m imaptest.FakeAppend) (no imaptest.FakeRefusal) {
		if refuse && m.Octets == sizeOf(3) {
			no.Answer = "NO [CANNOT] not this one"
		}
		return no
	}})
	r := fakeRig(t, src, dst)
	for _, want := range []throughput.Count{{Listed: 5, Copied: 4, Rejected: 1}, {Listed: 5, AlreadyThere: 4, Rejected: 1}} {
		c, err := r.sync(t.Context())
		if fault.ScopeOf(err) != fault.Message {
			t.Errorf("error %v", err)
		}
		counted(t, c, want)
	}
	refuse = false
	counted(t, r.mustSync(), throughput.Count{Listed: 5, Copied: 1, AlreadyThere: 4})
	n := len(src.Commands())
	counted(t, r.mustSync(), throughput.Count{Listed: 5, AlreadyThere: 5})
	if opened := opening(src, n); len(opened) > 0 {
		t.Errorf("opened %q", opened)
	}
}
