package mailsync_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// tracking is what a Fake offers that keeps mod-sequences.
func tracking(without ...string) []string {
	return append(caps(without...), "CONDSTORE", "LIST-EXTENDED", "LIST-STATUS")
}

// changing is an account of five messages, all of them seen, on a Fake.
func changing(t *testing.T, from, to imaptest.FakeOptions, target imaptest.FakeMailbox) (r *rig, src, dst *imaptest.Fake) {
	t.Helper()
	src = imaptest.NewFake(t, from, plain(5))
	target.Name = "INBOX"
	dst = imaptest.NewFake(t, to, target)
	return fakeRig(t, src, dst), src, dst
}

// set gives messages other flags, as users do in sessions of their own.
func set(t *testing.T, f *imaptest.Fake, flags map[uint32]string) {
	t.Helper()
	for uid, s := range flags {
		if err := f.SetFlags("INBOX", uid, s); err != nil {
			t.Fatal(err)
		}
	}
}

// shows checks the flags of all messages in INBOX.
func shows(t *testing.T, f *imaptest.Fake, want map[uint32]string) {
	t.Helper()
	got := f.Flags("INBOX")
	sorted := func(flags string) string {
		all := strings.Fields(flags)
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	for uid, flags := range want {
		if sorted(got[uid]) != sorted(flags) {
			t.Errorf("message %d has %q, want %q", uid, got[uid], flags)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d messages, want %d", len(got), len(want))
	}
}

// updates makes a pass in which nothing is copied and so many messages get
// other flags.
func (r *rig) updates(want int64) {
	r.t.Helper()
	if c := r.mustSync(); c.FlagsUpdated != want || c.Copied != 0 {
		r.t.Errorf("flags of %d messages updated, want %d; %d copied", c.FlagsUpdated, want, c.Copied)
	}
}

// told returns the command lines of one kind that a Fake got after the first n.
func told(f *imaptest.Fake, n int, name string) (out []string) {
	for _, c := range f.Commands()[n:] {
		if c.Name == name {
			out = append(out, c.Args)
		}
	}
	return out
}

// opening returns the mailboxes that a Fake was asked to open after the first n
// commands.
func opening(f *imaptest.Fake, n int) []string {
	return append(told(f, n, "EXAMINE"), told(f, n, "SELECT")...)
}

func TestFlagsFollow(t *testing.T) {
	for _, tt := range []struct {
		name string
		from imaptest.FakeOptions
		to   imaptest.FakeOptions
		box  imaptest.FakeMailbox // the destination's
	}{
		{name: "all flags are read", from: imaptest.FakeOptions{}},
		{name: "CONDSTORE", from: imaptest.FakeOptions{Caps: tracking()}, to: imaptest.FakeOptions{Caps: tracking()}},
		{name: "CONDSTORE without LIST-STATUS", from: imaptest.FakeOptions{Caps: append(caps(), "CONDSTORE")}},
		{name: "MESSAGELIMIT", from: imaptest.FakeOptions{Caps: append(tracking(), "MESSAGELIMIT=2")}, to: imaptest.FakeOptions{Caps: append(caps(), "MESSAGELIMIT=2")}},
		{name: "no UIDPLUS", from: imaptest.FakeOptions{Caps: tracking()}, to: imaptest.FakeOptions{Caps: caps("UIDPLUS")}},
		{name: "PERMANENTFLAGS absent", from: imaptest.FakeOptions{Caps: tracking()}, box: imaptest.FakeMailbox{PermanentFlags: "-"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, src, dst := changing(t, tt.from, tt.to, tt.box)
			r.mustSync()
			set(t, src, map[uint32]string{1: `\Seen \Flagged`, 2: "", 3: `\Seen $Work \Deleted`})
			set(t, dst, map[uint32]string{1: `\Seen Mine`, 4: `\Seen \Answered`, 5: ""})
			r.updates(3)
			shows(t, dst, map[uint32]string{1: `\Seen \Flagged Mine`, 2: "", 3: `\Seen $Work \Deleted`, 4: `\Seen \Answered`, 5: ""})

			n := len(dst.Commands())
			r.updates(0)
			if stores := told(dst, n, "UID STORE"); len(stores) > 0 {
				t.Errorf("a pass over unchanged flags changed some: %q", stores)
			}
			set(t, src, map[uint32]string{4: "", 5: `\Seen \Draft`})
			r.updates(2)
			shows(t, dst, map[uint32]string{1: `\Seen \Flagged Mine`, 2: "", 3: `\Seen $Work \Deleted`, 4: `\Answered`, 5: `\Draft`})
			for _, s := range told(dst, 0, "UID STORE") {
				if !strings.Contains(s, " +FLAGS") && !strings.Contains(s, " -FLAGS") {
					t.Errorf("flags were replaced: UID STORE %s", s)
				}
			}
			obedient(t, src)
			obedient(t, dst)
		})
	}
}

// A mailbox that keeps no mod-sequences on a server that does: its flags are
// all read.
func TestFlagsFollowNoModSeq(t *testing.T) {
	box := plain(5)
	box.NoModSeq = true
	src := imaptest.NewFake(t, imaptest.FakeOptions{Caps: tracking()}, box)
	dst := imaptest.NewFake(t, imaptest.FakeOptions{})
	r := fakeRig(t, src, dst)
	r.mustSync()
	set(t, src, map[uint32]string{2: `\Flagged`})
	r.updates(1)
	shows(t, dst, map[uint32]string{1: `\Seen`, 2: `\Flagged`, 3: `\Seen`, 4: `\Seen`, 5: `\Seen`})
	obedient(t, src)
}

// A source that offers CHANGEDSINCE and refuses it is asked for all flags.
func TestFlagsFollowWithoutChangedSince(t *testing.T) {
	refused := 0
	r, src, dst := changing(t, imaptest.FakeOptions{Caps: tracking(), Intercept: func(c imaptest.FakeCommand) (reply imaptest.FakeReply) {
		if strings.Contains(c.Args, "CHANGEDSINCE") {
			refused++
			reply.Lines = []string{"TAG BAD no mod-sequences here"}
		}
		return reply
	}}, imaptest.FakeOptions{}, imaptest.FakeMailbox{})
	r.mustSync()
	set(t, src, map[uint32]string{2: `\Flagged`})
	r.updates(1)
	shows(t, dst, map[uint32]string{1: `\Seen`, 2: `\Flagged`, 3: `\Seen`, 4: `\Seen`, 5: `\Seen`})
	if refused != 1 {
		t.Errorf("asked %d times", refused)
	}
}

// Messages with the same change go in one command.
func TestFlagsStoredTogether(t *testing.T) {
	r, src, dst := changing(t, imaptest.FakeOptions{Caps: tracking()}, imaptest.FakeOptions{}, imaptest.FakeMailbox{})
	r.mustSync()
	set(t, src, map[uint32]string{1: `\Seen \Flagged`, 2: `\Seen \Flagged`, 3: `\Flagged`, 5: ""})
	r.updates(4)
	got := told(dst, 0, "UID STORE")
	slices.Sort(got)
	if want := []string{`1:3 +FLAGS.SILENT (\Flagged)`, `3,5 -FLAGS.SILENT (\Seen)`}; !slices.Equal(got, want) {
		t.Errorf("stored %q, want %q", got, want)
	}
	if asked := told(src, 0, "UID FETCH"); !strings.HasSuffix(asked[len(asked)-1], "(UID FLAGS) (CHANGEDSINCE 1)") {
		t.Errorf("asked %q", asked)
	}
}

// The destination keeps no keywords and not every flag: what it keeps arrives,
// and what it does not is not tried again and again.
func TestFlagsNotKept(t *testing.T) {
	r, src, dst := changing(t, imaptest.FakeOptions{}, imaptest.FakeOptions{}, imaptest.FakeMailbox{PermanentFlags: `(\Seen \Flagged)`})
	log := r.logged()
	r.mustSync()
	set(t, src, map[uint32]string{1: `\Seen \Flagged $Work`, 2: `\Seen $Work`, 3: `\Draft`})
	r.updates(2)
	shows(t, dst, map[uint32]string{1: `\Seen \Flagged`, 2: `\Seen`, 3: "", 4: `\Seen`, 5: `\Seen`})
	r.wantRepairs(`1 keywords: $Work \Flagged \Seen -> \Flagged \Seen`, `2 keywords: $Work \Seen -> \Seen`, `3 keywords: \Draft -> none`)
	if !strings.Contains(log.String(), "flag=$Work") {
		t.Errorf("the log does not say what was left out:\n%s", log)
	}
	n := len(dst.Commands())
	r.updates(0)
	if opened := opening(dst, n); len(opened) > 0 {
		t.Errorf("opened again: %q", opened)
	}
}

// One flag that is refused costs nothing but itself, and is tried again.
func TestFlagsRefused(t *testing.T) {
	for _, condstore := range []bool{false, true} {
		for _, answer := range []string{"NO [LIMIT] too many keywords", "BAD no such flag", "NO [NOPERM] not yours"} {
			var refuse atomic.Bool
			refuse.Store(true)
			from := imaptest.FakeOptions{}
			if condstore {
				from.Caps = tracking()
			}
			r, src, dst := changing(t, from, imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) (reply imaptest.FakeReply) {
				if refuse.Load() && c.Name == "UID STORE" && strings.Contains(c.Args, "$Bad") {
					reply.Lines = []string{"TAG " + answer}
				}
				return reply
			}}, imaptest.FakeMailbox{})
			r.mustSync()
			set(t, src, map[uint32]string{1: `\Seen \Flagged $Bad`, 2: `\Seen $Bad`, 3: ``})
			for _, updated := range []int64{2, 0} {
				c, err := r.sync(t.Context())
				if f := fault.Of(err); f == nil || f.Side != fault.Dest || f.Scope != fault.Mailbox || f.Op != "store" || f.Hint == "" {
					t.Errorf("%s: error %v", answer, err)
				}
				if c.FlagsUpdated != updated || !c.Balanced() || c.NotTried != 0 {
					t.Errorf("%s: want %d updated: %+v", answer, updated, c)
				}
				shows(t, dst, map[uint32]string{1: `\Seen \Flagged`, 2: `\Seen`, 3: "", 4: `\Seen`, 5: `\Seen`})
			}
			refuse.Store(false)
			r.updates(2)
			shows(t, dst, map[uint32]string{1: `\Seen \Flagged $Bad`, 2: `\Seen $Bad`, 3: "", 4: `\Seen`, 5: `\Seen`})
		}
	}
}

// A source that does not tell its flags just now loses none of their changes,
// and keeps no mail back.
func TestFlagsUnreadable(t *testing.T) {
	for _, c := range [][]string{nil, tracking()} {
		var refuse atomic.Bool
		r, src, dst := changing(t, imaptest.FakeOptions{Caps: c, Intercept: func(c imaptest.FakeCommand) (reply imaptest.FakeReply) {
			if refuse.Load() && c.Name == "UID FETCH" && strings.Contains(c.Args, "(UID FLAGS)") {
				reply.Lines = []string{"TAG NO [SERVERBUG] not now"}
			}
			return reply
		}}, imaptest.FakeOptions{}, imaptest.FakeMailbox{})
		r.mustSync()
		refuse.Store(true)
		set(t, src, map[uint32]string{1: `\Flagged`})
		r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: mail("new", 1, 100)})
		got, err := r.sync(t.Context())
		if f := fault.Of(err); f == nil || f.Side != fault.Source || f.Scope != fault.Mailbox {
			t.Errorf("error %v", err)
		}
		counted(t, got, throughput.Count{Listed: 6, Copied: 1, AlreadyThere: 5})
		refuse.Store(false)
		r.updates(1)
		shows(t, dst, map[uint32]string{1: `\Flagged`, 2: `\Seen`, 3: `\Seen`, 4: `\Seen`, 5: `\Seen`, 6: ""})
	}
}

// A connection that breaks over the flags is opened again.
func TestFlagsCut(t *testing.T) {
	for _, tt := range []struct{ side, command, part string }{
		{"source", "UID FETCH", "(UID FLAGS)"}, {"destination", "UID STORE", `\Flagged`}, {"destination", "UID STORE", "$Work"},
	} {
		var cut atomic.Int32
		options := func(side string, c []string) imaptest.FakeOptions {
			return imaptest.FakeOptions{Caps: c, Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
				return imaptest.FakeReply{Close: side == tt.side && c.Name == tt.command && strings.Contains(c.Args, tt.part) && cut.Add(1) <= 2}
			}}
		}
		r, src, dst := changing(t, options("source", tracking()), options("destination", nil), imaptest.FakeMailbox{})
		r.mustSync()
		set(t, src, map[uint32]string{1: `\Flagged`, 2: `\Seen $Work`, 3: `\Seen \Flagged`})
		r.updates(3)
		shows(t, dst, map[uint32]string{1: `\Flagged`, 2: `\Seen $Work`, 3: `\Seen \Flagged`, 4: `\Seen`, 5: `\Seen`})
		if cut.Load() < 3 {
			t.Errorf("%s: %d cuts", tt.command, cut.Load())
		}
	}
}

// Mail that others have brought over keeps the flags that it has at the
// destination; what changes at the source from then on flows.
func TestFlagsOfForeignMail(t *testing.T) {
	for _, c := range [][]string{nil, tracking()} {
		for _, renewed := range []string{"", "source", "destination"} {
			r, src, dst := changing(t, imaptest.FakeOptions{Caps: c}, imaptest.FakeOptions{}, imaptest.FakeMailbox{})
			r.mustSync()
			switch renewed {
			case "source":
				must(t, src.Renew("INBOX"))
			case "destination":
				must(t, dst.Renew("INBOX"))
			default:
				r.dir = t.TempDir() + "/another"
			}
			set(t, src, map[uint32]string{1: `\Seen \Flagged`})
			set(t, dst, map[uint32]string{2: `\Answered`})
			want := map[uint32]string{1: `\Seen`, 2: `\Answered`, 3: `\Seen`, 4: `\Seen`, 5: `\Seen`}
			r.updates(0)
			shows(t, dst, want)
			set(t, src, map[uint32]string{1: `\Seen \Flagged \Draft`, 2: `\Seen $Work`})
			r.updates(2)
			want[1], want[2] = `\Seen \Draft`, `\Answered $Work`
			shows(t, dst, want)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// With flags left off none is carried, nothing is opened for them, and none is
// lost for the pass that carries them again.
func TestFlagsOff(t *testing.T) {
	for _, c := range [][]string{nil, tracking()} {
		r, src, dst := changing(t, imaptest.FakeOptions{Caps: c}, imaptest.FakeOptions{}, imaptest.FakeMailbox{})
		r.mustSync()
		off := func(o *mailsync.Options) {
			quick(o)
			o.FlagsOff = true
		}
		r.options = off
		set(t, src, map[uint32]string{1: `\Flagged`})
		n := len(src.Commands())
		r.updates(0)
		if opened := opening(src, n); len(opened) > 0 {
			t.Errorf("opened %q", opened)
		}
		r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: mail("new", 1, 100)})
		if c := r.mustSync(); c.Copied != 1 || c.FlagsUpdated != 0 {
			t.Errorf("new mail: %+v", c)
		}
		want := map[uint32]string{1: `\Seen`, 2: `\Seen`, 3: `\Seen`, 4: `\Seen`, 5: `\Seen`, 6: ""}
		shows(t, dst, want)
		r.options = quick
		r.updates(1)
		want[1] = `\Flagged`
		shows(t, dst, want)
	}
}

// A dry run says how many messages would get other flags, and changes nothing.
func TestFlagsDryRun(t *testing.T) {
	r, src, dst := changing(t, imaptest.FakeOptions{Caps: tracking()}, imaptest.FakeOptions{Caps: tracking()}, imaptest.FakeMailbox{})
	r.mustSync()
	set(t, src, map[uint32]string{1: `\Flagged`, 2: `\Seen $Work`})
	n := len(dst.Commands())
	r.options = func(o *mailsync.Options) {
		quick(o)
		o.DryRun = true
	}
	for range 2 {
		r.updates(2)
	}
	for _, c := range dst.Commands()[n:] {
		switch c.Name {
		case "UID STORE", "SELECT", "APPEND", "CREATE":
			t.Errorf("a dry run said %s %s", c.Name, c.Args)
		}
	}
	r.options = quick
	r.updates(2)
}

// A server that answers for so many messages at a time is not asked for more.
func TestFlagsWithinMessageLimit(t *testing.T) {
	limited := imaptest.FakeOptions{Caps: append(tracking(), "MESSAGELIMIT=2")}
	r, src, dst := changing(t, limited, limited, imaptest.FakeMailbox{})
	r.mustSync()
	set(t, src, map[uint32]string{1: "", 2: "", 3: "", 4: "", 5: ""})
	n := len(src.Commands())
	r.updates(5)
	for _, args := range append(told(src, n, "UID FETCH"), told(dst, 0, "UID STORE")...) {
		if set, _, _ := strings.Cut(args, " "); set != "1:2" && set != "3:4" && set != "5" {
			t.Errorf("asked for more than two messages: %s", args)
		}
	}
}
