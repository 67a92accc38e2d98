package mailsync_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// does has a user do something in a mailbox of one host.
func (r *rig) does(h host, path string, lines ...string) {
	r.t.Helper()
	open := `SELECT "` + h.mailbox(path) + `"`
	if err := imaptest.Do(r.t.Context(), h.access(r.user, password), append([]string{open}, lines...)...); err != nil {
		r.t.Fatal(err)
	}
}

// deletes has a user delete messages of a mailbox, by UID.
func (r *rig) deletes(h host, path, uids string) {
	r.t.Helper()
	r.does(h, path, `UID STORE `+uids+` +FLAGS.SILENT (\Deleted)`, "UID EXPUNGE "+uids)
}

// unflagged makes n messages without a flag.
func unflagged(tag string, n int) []imaptest.Message {
	out := mail(tag, n, 200)
	for i := range out {
		out[i].Flags = nil
	}
	return out
}

// thirty is an account whose INBOX and other mailbox have 30 messages each,
// migrated.
func thirty(t *testing.T, src, dst host) *rig {
	r := newRig(t, src, dst)
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: unflagged("in", 30)}, imaptest.Mailbox{Name: "other", Messages: unflagged("other", 30)})
	r.mustSync()
	return r
}

// What vanished at the source is kept and counted, unless the user asks for more.
func TestDeletesAreKept(t *testing.T) {
	r := thirty(t, memoryHost(t), memoryHost(t))
	r.deletes(r.src, "INBOX", "3,7:8")
	for range 2 {
		figures(t, "kept", r.mustSync(), throughput.Count{Listed: 57, AlreadyThere: 57, GoneKept: 3})
	}
	r.holds("INBOX", 30)
	r.remove(r.src, "other")
	log := r.logged()
	figures(t, "a mailbox that is gone", r.mustSync(), throughput.Count{Listed: 27, AlreadyThere: 27, GoneKept: 33})
	r.rules.Deletes, r.rules.MaxDelete = true, 100
	figures(t, "which no option takes away", r.mustSync(), throughput.Count{Listed: 27, AlreadyThere: 27, GoneKept: 30, Deleted: 3})
	r.holds("other", 30)
	if !strings.Contains(log.String(), "gone at the source, kept at the destination") {
		t.Errorf("not said:\n%s", log)
	}
}

func TestFollowDeletes(t *testing.T) {
	hosts := []host{memoryHost(t)}
	if !testing.Short() {
		hosts = append(hosts, dotHost(t))
	}
	src := memoryHost(t)
	for _, dst := range hosts {
		t.Run(dst.name, func(t *testing.T) {
			r := thirty(t, src, dst)
			r.does(dst, "INBOX", `UID STORE 3 +FLAGS (\Flagged)`, `UID STORE 20 +FLAGS (\Deleted)`) // the user's own doing there
			r.deletes(src, "INBOX", "3,7:8")
			r.deletes(src, "other", "1,30")
			r.options = func(o *mailsync.Options) { o.DryRun = true }
			r.rules.Deletes = true
			figures(t, "80 dry run", r.mustSync(), throughput.Count{Listed: 55, AlreadyThere: 55, GoneKept: 1, Deleted: 4})
			r.holds("INBOX", 30)
			r.options = nil
			figures(t, "followed", r.mustSync(), throughput.Count{Listed: 55, AlreadyThere: 55, GoneKept: 1, Deleted: 4})
			r.holds("INBOX", 28)
			r.holds("other", 28)
			figures(t, "rerun", r.mustSync(), throughput.Count{Listed: 55, AlreadyThere: 55, GoneKept: 1})
			r.rules.Deletes = false
			figures(t, "without", r.mustSync(), throughput.Count{Listed: 55, AlreadyThere: 55, GoneKept: 1})
		})
	}
}

// Case 81: of equal messages, and of one without a header, goes the one that
// was deleted, and nothing else.
func TestFollowDeletesOfEquals(t *testing.T) {
	r := newRig(t, memoryHost(t), memoryHost(t))
	box := imaptest.Mailbox{Name: "INBOX", Messages: unflagged("x", 20)}
	box.Messages[4].Body, box.Messages[5].Body = box.Messages[3].Body, box.Messages[3].Body
	box.Messages[6].Body = []byte("\r\nno header at all\r\n")
	r.fillSource(box)
	r.mustSync()
	r.deletes(r.src, "INBOX", "5")
	r.rules.Deletes = true
	figures(t, "one of three", r.mustSync(), throughput.Count{Listed: 19, AlreadyThere: 19, Deleted: 1})
	r.equal(true)
}

// What stood at the destination before us is not ours to take away, though it
// was matched.
func TestFollowDeletesOfEarlierMail(t *testing.T) {
	r := newRig(t, memoryHost(t), memoryHost(t))
	r.fillDest(imaptest.Mailbox{Name: "INBOX", Messages: unflagged("in", 10)})
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: unflagged("in", 20)})
	figures(t, "first pass", r.mustSync(), throughput.Count{Listed: 20, AlreadyThere: 10, Copied: 10})
	r.deletes(r.src, "INBOX", "5,15")
	r.rules.Deletes = true
	figures(t, "one of them is ours", r.mustSync(), throughput.Count{Listed: 18, AlreadyThere: 18, Deleted: 1, GoneKept: 1})
	r.holds("INBOX", 19)
}

// What others have put into both sides since the first pass is not ours either,
// though a later pass has matched it, and though something was moved there in
// that pass. It is neither deleted nor moved.
func TestFollowOfOthersMail(t *testing.T) {
	src, dst := memoryHost(t), memoryHost(t)
	for _, moved := range []bool{false, true} {
		r := thirty(t, src, dst)
		r.rules.Moves = true
		if moved {
			r.moves(src, "INBOX", "other", "30")
		}
		for _, h := range []host{src, dst} {
			r.fill(h, []imaptest.Mailbox{{Name: "other", Messages: unflagged("delivered", 2)}})
		}
		want := throughput.Count{Listed: 62, AlreadyThere: 62}
		if moved {
			want.Moved = 1
		}
		figures(t, "adopted", r.mustSync(), want)
		first := 31
		if moved {
			first++
		}
		r.deletes(src, "other", fmt.Sprint(first))
		r.rules.Deletes = true
		figures(t, "deleted", r.mustSync(), throughput.Count{Listed: 61, AlreadyThere: 61, GoneKept: 1})
		r.moves(src, "other", "INBOX", fmt.Sprint(first+1))
		figures(t, "moved", r.mustSync(), throughput.Count{Listed: 61, AlreadyThere: 60, Copied: 1, GoneKept: 2})
	}
}

// What looks like an accident at the source is refused with a word, and how to
// allow it.
func TestFollowDeletesRefused(t *testing.T) {
	src, dst := memoryHost(t), memoryHost(t)
	for _, tt := range []struct {
		name    string
		box     string
		uids    string
		most    float64
		deleted int64
		hint    string // "": it is allowed
	}{
		{"a tenth", "other", "1:3", 0, 3, ""},
		{"more than a tenth", "other", "1:4", 0, 0, "--max-delete 14%"},
		{"more is allowed", "other", "1:4", 14, 4, ""},
		{"all of another mailbox", "other", "1:30", 99, 0, "--max-delete 100%"},
		{"all of it, allowed", "other", "1:30", 100, 30, ""},
		{"all of INBOX", "INBOX", "1:30", 100, 0, "by hand"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := thirty(t, src, dst)
			r.deletes(src, tt.box, tt.uids)
			r.rules.Deletes, r.rules.MaxDelete = true, tt.most
			for range 2 {
				c, err := r.sync(t.Context())
				if tt.hint == "" {
					if err != nil || c.Deleted != tt.deleted || c.GoneKept != 0 {
						t.Fatalf("%+v, %v", c, err)
					}
					return
				}
				f := fault.Of(err)
				if f == nil || f.Scope != fault.Mailbox || f.Code != fault.TooManyDeletes || f.Mailbox != tt.box || !strings.Contains(f.Hint, tt.hint) {
					t.Errorf("error %v: %+v", err, f)
				}
				if c.Deleted != 0 || c.GoneKept == 0 || !c.Balanced() || c.NotTried != 0 {
					t.Errorf("count %+v", c)
				}
			}
			r.holds(tt.box, 30)
		})
	}
}

// Nothing is deleted while something is not at the destination: it may be what
// is gone from another mailbox.
func TestFollowDeletesWaits(t *testing.T) {
	refuse := false
	src := memoryHost(t)
	f := imaptest.NewFake(t, imaptest.FakeOptions{Append: func(imaptest.FakeAppend) (no imaptest.FakeRefusal) {
		if refuse {
			no.Answer = "NO [CANNOT] not this one"
		}
		return no
	}})
	r := newRig(t, src, fakeHost(f))
	r.options = quick
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: unflagged("in", 30)})
	r.mustSync()
	r.deletes(src, "INBOX", "5")
	r.fillSource(imaptest.Mailbox{Name: "new", Messages: unflagged("new", 1)})
	refuse, r.rules.Deletes = true, true
	c, err := r.sync(t.Context())
	if fault.ScopeOf(err) != fault.Message || c.Deleted != 0 || c.GoneKept != 1 || c.Rejected != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	if s := append(told(f, 0, "UID STORE"), told(f, 0, "UID EXPUNGE")...); len(s) > 0 {
		t.Errorf("told %q", s)
	}
}

// Without UIDPLUS nothing is taken away, and it is said; with it, no command but
// UID EXPUNGE takes mail away.
func TestFollowDeletesCommands(t *testing.T) {
	for _, plus := range []bool{true, false} {
		offered := caps("UIDPLUS")
		if plus {
			offered = caps()
		}
		src := memoryHost(t)
		dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: offered, Intercept: func(c imaptest.FakeCommand) (r imaptest.FakeReply) {
			if c.Name == "UID EXPUNGE" {
				r.Lines = []string{"* 5 EXPUNGE", "* VANISHED 9", "TAG OK done"}
			}
			return r
		}})
		r := newRig(t, src, fakeHost(dst))
		r.options = quick
		r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: unflagged("in", 30)})
		r.mustSync()
		r.deletes(src, "INBOX", "5,9")
		r.rules.Deletes = true
		n := len(dst.Commands())
		c, err := r.sync(t.Context())
		var did []string
		for _, c := range dst.Commands()[n:] {
			if slices.Contains([]string{"EXPUNGE", "CLOSE", "UID STORE", "UID EXPUNGE", "UID MOVE", "UID COPY"}, c.Name) {
				did = append(did, c.Name+" "+c.Args)
			}
		}
		want := "[]"
		if plus {
			want = `[UID STORE 5,9 +FLAGS.SILENT (\Deleted) UID EXPUNGE 5,9]`
		}
		if fmt.Sprint(did) != want {
			t.Errorf("UIDPLUS %v: %q, want %s", plus, did, want)
		}
		if plus != (err == nil) || plus != (c.Deleted == 2) || plus == (c.GoneKept == 2) {
			t.Errorf("UIDPLUS %v: %+v, %v", plus, c, err)
		}
		if f := fault.Of(err); !plus && (f.Scope != fault.Mailbox || !strings.Contains(f.Text, "UIDPLUS") || f.Hint == "") {
			t.Errorf("error %v", err)
		}
	}
}

// Cut between any two steps, the next pass ends it.
func TestFollowDeletesCut(t *testing.T) {
	src, dst := memoryHost(t), memoryHost(t)
	t.Run("marked, not taken away", func(t *testing.T) {
		r := thirty(t, src, dst)
		r.deletes(src, "INBOX", "5:6")
		r.does(dst, "INBOX", `UID STORE 5:6 +FLAGS.SILENT (\Deleted)`)
		r.rules.Deletes = true
		figures(t, "next pass", r.mustSync(), throughput.Count{Listed: 58, AlreadyThere: 58, Deleted: 2})
		r.equal(true)
	})
	t.Run("taken away, not forgotten", func(t *testing.T) {
		r := thirty(t, src, dst)
		r.deletes(src, "INBOX", "5:6")
		r.mustSync()
		r.deletes(dst, "INBOX", "5:6")
		r.rules.Deletes = true
		figures(t, "next pass", r.mustSync(), throughput.Count{Listed: 58, AlreadyThere: 58})
		r.rules.Deletes = false
		figures(t, "and after", r.mustSync(), throughput.Count{Listed: 58, AlreadyThere: 58})
		r.equal(true)
	})
	t.Run("a connection", func(t *testing.T) {
		r := thirty(t, src, dst)
		r.deletes(src, "INBOX", "5:6")
		r.rules.Deletes = true
		r.cutAt("EXPUNGE", "")
		figures(t, "the same pass", r.mustSync(), throughput.Count{Listed: 58, AlreadyThere: 58, Deleted: 2})
		r.equal(true)
	})
}

// Another UIDVALIDITY says nothing of deletions, on either side.
func TestFollowDeletesOfAnotherMailbox(t *testing.T) {
	for _, side := range []string{"source", "destination"} {
		src := imaptest.NewFake(t, imaptest.FakeOptions{}, plain(5))
		dst := imaptest.NewFake(t, imaptest.FakeOptions{})
		r := fakeRig(t, src, dst)
		r.mustSync()
		r.inLedger(func(ctx context.Context, led *ledger.Ledger, m ledger.Mailbox) error {
			return led.AddRuns(ctx, m.ID, []ledger.Run{{Source: 6, Dest: 6, Count: 2}}, nil)
		})
		if side == "source" {
			must(t, src.Renew("INBOX"))
		} else {
			must(t, dst.Renew("INBOX"))
		}
		r.rules.Deletes, r.rules.MaxDelete = true, 100
		figures(t, side, r.mustSync(), throughput.Count{Listed: 5, AlreadyThere: 5})
		if s := told(dst, 0, "UID STORE"); len(s) > 0 {
			t.Errorf("%s: told %q", side, s)
		}
	}
}
