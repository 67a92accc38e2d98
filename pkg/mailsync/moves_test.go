package mailsync_test

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// moves has a user move messages from one mailbox to another one, by UID.
func (r *rig) moves(h host, from, to, uids string) {
	r.t.Helper()
	r.does(h, from, "UID MOVE "+uids+` "`+h.mailbox(to)+`"`)
}

// sameCounts is equal with a number that is known.
func (r *rig) sameCounts(path string, want int) {
	r.t.Helper()
	r.holds(path, want)
	r.equal(false)
}

func TestFollowMoves(t *testing.T) {
	memory := memoryHost(t)
	hosts := []host{memoryHost(t)}
	if !testing.Short() {
		hosts = append(hosts, dotHost(t), slashHost(t))
	}
	for _, dst := range hosts {
		t.Run(dst.name, func(t *testing.T) {
			r := thirty(t, memory, dst)
			r.moves(r.src, "INBOX", "other", "3,7:8")
			r.moves(r.src, "other", "INBOX", "30")
			r.does(r.src, "other", `UID STORE 31 +FLAGS (\Seen)`)
			r.options = func(o *mailsync.Options) { o.DryRun = true }
			r.rules.Moves = true
			figures(t, "dry run", r.mustSync(), throughput.Count{Listed: 60, AlreadyThere: 60, Moved: 4})
			r.holds("INBOX", 30)
			r.options = nil
			c := r.mustSync()
			figures(t, "followed", c, throughput.Count{Listed: 60, AlreadyThere: 60, Moved: 4})
			if c.FlagsUpdated != 1 {
				t.Errorf("flags of %d messages updated, want 1", c.FlagsUpdated)
			}
			r.sameCounts("INBOX", 28)
			figures(t, "rerun", r.mustSync(), throughput.Count{Listed: 60, AlreadyThere: 60})
			r.rules.Moves, r.rules.Deletes = false, true
			r.deletes(r.src, "other", "31") // ours, also where it stands now
			figures(t, "deleted then", r.mustSync(), throughput.Count{Listed: 59, AlreadyThere: 59, Deleted: 1})
			r.sameCounts("other", 31)
		})
	}
}

// Without the option the message is copied, and the old copy kept.
func TestMovesAreCopied(t *testing.T) {
	r := thirty(t, memoryHost(t), memoryHost(t))
	r.moves(r.src, "INBOX", "other", "3")
	figures(t, "copied", r.mustSync(), throughput.Count{Listed: 60, AlreadyThere: 59, Copied: 1, GoneKept: 1})
	r.holds("INBOX", 30)
	r.holds("other", 31)
}

// To a mailbox that is new on both sides, and to one that was empty.
func TestFollowMovesToNewMailbox(t *testing.T) {
	r := newRig(t, memoryHost(t), memoryHost(t))
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: unflagged("in", 30)}, imaptest.Mailbox{Name: "empty"})
	r.mustSync()
	r.fillSource(imaptest.Mailbox{Name: "new", Messages: unflagged("more", 2)})
	r.moves(r.src, "INBOX", "new", "3:4")
	r.moves(r.src, "INBOX", "empty", "5")
	r.rules.Moves = true
	figures(t, "followed", r.mustSync(), throughput.Count{Listed: 32, AlreadyThere: 30, Copied: 2, Moved: 3})
	r.equal(false)
	r.rules.Deletes = true
	r.deletes(r.src, "empty", "1")
	r.rules.MaxDelete = 100
	figures(t, "and deleted", r.mustSync(), throughput.Count{Listed: 31, AlreadyThere: 31, Deleted: 1})
	r.equal(false)
}

// What is not certainly that message is copied: equal ones, one that a user has
// touched at the destination, one that was there before us, one that the user
// has moved there himself.
func TestFollowMovesInDoubt(t *testing.T) {
	r := newRig(t, memoryHost(t), memoryHost(t))
	box := imaptest.Mailbox{Name: "INBOX", Messages: unflagged("in", 30)}
	box.Messages[3] = box.Messages[2]
	r.fillDest(imaptest.Mailbox{Name: "INBOX", Messages: unflagged("in", 1)})
	r.fillSource(box, imaptest.Mailbox{Name: "other", Messages: unflagged("other", 3)})
	r.mustSync()
	r.does(r.dst, "INBOX", `UID STORE 6 +FLAGS (\Flagged)`)
	r.moves(r.src, "INBOX", "other", "1,3:4,6,10")
	r.moves(r.dst, "INBOX", "other", "10")
	r.rules.Moves = true
	figures(t, "copied", r.mustSync(), throughput.Count{Listed: 33, AlreadyThere: 29, Copied: 4, GoneKept: 4})
	r.holds("INBOX", 29)
	r.holds("other", 8)
	figures(t, "rerun", r.mustSync(), throughput.Count{Listed: 33, AlreadyThere: 33, GoneKept: 4})
}

// Whatever is cut off between the floor and the last word in the ledger, one
// copy is there in the end, and where it belongs.
func TestFollowMovesCut(t *testing.T) {
	memory := memoryHost(t)
	moved := throughput.Count{Listed: 60, AlreadyThere: 60}
	t.Run("moved, not in the ledger", func(t *testing.T) {
		r := thirty(t, memory, memoryHost(t))
		r.moves(r.src, "INBOX", "other", "3,7:8")
		r.openFloors()
		r.moves(r.dst, "INBOX", "other", "3,7:8")
		r.rules.Moves = true
		figures(t, "next pass", r.mustSync(), moved)
		r.equal(false)
		figures(t, "rerun", r.mustSync(), moved)
	})
	t.Run("in the ledger, not taken out of it", func(t *testing.T) {
		r := thirty(t, memory, memoryHost(t))
		r.moves(r.src, "INBOX", "other", "3")
		r.moves(r.dst, "INBOX", "other", "3")
		r.mustSync()
		r.rules.Moves = true
		r.moves(r.src, "INBOX", "other", "4")
		figures(t, "next pass", r.mustSync(), throughput.Count{Listed: 60, AlreadyThere: 60, Moved: 1})
		r.equal(false)
	})
	for _, tt := range []struct{ name, at, hide string }{
		{"the answer to MOVE", "COPYUID", ""},
		{"the answer to COPY", "COPYUID", "MOVE"},
		{"the answer to STORE", "STORE", "MOVE"},
		{"the answer to EXPUNGE", "EXPUNGE", "MOVE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := thirty(t, memory, memoryHost(t))
			r.moves(r.src, "INBOX", "other", "3,7:8")
			cut := r.cutAt(tt.at, tt.hide)
			r.rules.Moves = true
			c := r.mustSync()
			if !cut() || c.Listed != 60 || c.AlreadyThere+c.Copied != 60 {
				t.Errorf("count %+v", c)
			}
			r.viaDst = ""
			r.rules.Deletes, r.rules.MaxDelete = true, 100
			r.mustSync()
			r.equal(false)
			figures(t, "rerun", r.mustSync(), moved)
		})
	}
}

// Of new messages those alone are looked at closely that may be one that is gone
// elsewhere.
func TestFollowMovesReadsFewHeaders(t *testing.T) {
	r := thirty(t, memoryHost(t), memoryHost(t))
	r.fillSource(imaptest.Mailbox{Name: "other", Messages: unflagged("new", 30)})
	r.moves(r.src, "INBOX", "other", "7")
	headers := regexp.MustCompile(`UID FETCH (\S+) \([^\r\n]*HEADER`)
	var mu sync.Mutex
	var asked []string
	r.before(false, imaptest.ProxyOptions{Tap: func(_ int, dir imaptest.Direction, b []byte) {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range headers.FindAllSubmatch(b, -1) {
			asked = append(asked, string(m[1]))
		}
	}})
	r.rules.Moves = true
	figures(t, "moved", r.mustSync(), throughput.Count{Listed: 90, AlreadyThere: 60, Copied: 30, Moved: 1})
	if len(asked) != 1 || strings.ContainsAny(asked[0], ":,") {
		t.Errorf("headers were read of %q, want those of one message", asked)
	}
}

// cutAt cuts the destination's connection once, in the place of the first line
// that holds a text; hide is a capability that it does not offer, or "".
func (r *rig) cutAt(text, hide string) (cut func() bool) {
	r.t.Helper()
	var done atomic.Bool
	var resets sync.WaitGroup
	r.t.Cleanup(resets.Wait)
	proxy := r.before(true, imaptest.ProxyOptions{})
	proxy.Set(imaptest.ProxyOptions{Hide: []string{hide}, Rewrite: func(line []byte) []byte {
		if strings.Contains(string(line), text) && !strings.Contains(string(line), "CAPABILITY") && done.CompareAndSwap(false, true) {
			resets.Go(proxy.ResetConns)
			return nil
		}
		return line
	}})
	return done.Load
}

// openFloors makes the ledger say that something may have been sent everywhere.
func (r *rig) openFloors() {
	r.t.Helper()
	r.withLedger(func(ctx context.Context, led *ledger.Ledger, rows []ledger.RowID) error {
		all, err := led.Mailboxes(ctx, rows[0])
		var floors []ledger.Floor
		for _, m := range all {
			floors = append(floors, ledger.Floor{ID: m.ID, Floor: m.Floor, Open: true})
		}
		return errors.Join(err, led.SetFloors(ctx, floors))
	})
}

// A destination that can do neither is left alone, with a word; one that tells
// no UIDs is looked into.
func TestFollowMovesByCommands(t *testing.T) {
	for _, tt := range []struct {
		name, hide string
		noCopyUID  bool
		want       throughput.Count
		fault      bool
	}{
		{"COPY", "MOVE", false, throughput.Count{Listed: 60, AlreadyThere: 60, Moved: 2}, false},
		{"MOVE without COPYUID", "", true, throughput.Count{Listed: 60, AlreadyThere: 60, Moved: 2}, false},
		{"neither", "MOVE UIDPLUS", false, throughput.Count{Listed: 60, AlreadyThere: 58, Copied: 2, GoneKept: 2}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := thirty(t, memoryHost(t), memoryHost(t))
			r.moves(r.src, "INBOX", "other", "3,8")
			r.before(true, imaptest.ProxyOptions{Hide: strings.Fields(tt.hide), Rewrite: func(line []byte) []byte {
				if tt.noCopyUID {
					return bytes.ReplaceAll(line, []byte("[COPYUID"), []byte("[X-COPIED"))
				}
				return line
			}})
			r.rules.Moves = true
			r.options = func(o *mailsync.Options) { o.LookEvery = time.Millisecond }
			c, err := r.sync(t.Context())
			figures(t, "followed", c, tt.want)
			if f := fault.Of(err); tt.fault != (f != nil && f.Scope == fault.Mailbox && f.Hint != "") {
				t.Errorf("error %v", err)
			}
			if !tt.fault {
				r.equal(false)
			}
		})
	}
}

// The floor of the mailbox that a message goes to is open before it is moved.
func TestFollowMovesFloorFirst(t *testing.T) {
	r := thirty(t, memoryHost(t), memoryHost(t))
	r.moves(r.src, "INBOX", "other", "3")
	var open []string
	r.before(true, imaptest.ProxyOptions{Rewrite: func(line []byte) []byte {
		if strings.Contains(string(line), "COPYUID") {
			led, err := ledger.OpenReader(context.Background(), r.dir)
			if err != nil {
				t.Error(err)
				return line
			}
			defer led.Close()
			all, err := led.Mailboxes(context.Background(), 1)
			if err != nil {
				t.Error(err)
			}
			for _, m := range all {
				if m.Open {
					open = append(open, m.Source)
				}
			}
		}
		return line
	}})
	r.rules.Moves = true
	r.mustSync()
	if !slices.Equal(open, []string{"other"}) {
		t.Errorf("floors open at the move: %q", open)
	}
}

// Wherever the destination's connection is cut while moves and deletions are
// followed, everything is where it belongs in the end, once.
func TestFollowCutAnywhere(t *testing.T) {
	t.Parallel()
	src, dst := memoryHost(t), memoryHost(t)
	var whole int64
	for at := int64(0); at == 0 || at < whole; at += whole/10 + 1 {
		r := thirty(t, src, dst)
		r.moves(r.src, "INBOX", "other", "3,7:8")
		r.deletes(r.src, "INBOX", "10,20")
		r.fillSource(imaptest.Mailbox{Name: "other", Messages: unflagged("more", 2)})
		opt := imaptest.ProxyOptions{}
		if at > 0 {
			opt.Faults = imaptest.FirstConns(1, imaptest.Fault{Count: imaptest.BothWays, CutAfter: at})
		}
		proxy := r.before(true, opt)
		r.rules.Moves, r.rules.Deletes = true, true
		if c := r.mustSync(); at == 0 && (c.Moved != 3 || c.Deleted != 2 || c.Copied != 2) {
			t.Errorf("count %+v", c)
		}
		if at == 0 {
			whole = proxy.Stats().Up + proxy.Stats().Down
		}
		r.viaDst = ""
		r.mustSync()
		r.equal(false)
		figures(t, "at rest", r.mustSync(), throughput.Count{Listed: 60, AlreadyThere: 60})
	}
}
