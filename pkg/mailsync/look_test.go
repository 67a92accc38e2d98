package mailsync_test

import (
	"bytes"
	"os"
	"sync/atomic"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// looks gives passes a copy of the ledger for a row that is only looked at.
func (r *rig) looks() {
	r.t.Helper()
	dir := r.t.TempDir() + "/scratch"
	must(r.t, os.CopyFS(dir, os.DirFS(r.dir)))
	scratch, err := ledger.Open(r.t.Context(), dir)
	must(r.t, err)
	r.t.Cleanup(func() { scratch.Close() })
	r.options = func(o *mailsync.Options) { o.Scratch = scratch }
}

// A row that is only looked at in a run that copies others says what would
// happen, and counts nothing of it as done.
func TestDryRowFollowsNothing(t *testing.T) {
	r := thirty(t, memoryHost(t), memoryHost(t))
	r.deletes(r.src, "INBOX", "3")
	r.moves(r.src, "INBOX", "other", "5")
	r.looks()
	r.rules.Dry, r.rules.Deletes, r.rules.Moves = true, true, true
	c, err := r.sync(t.Context())
	if fault.CodeOf(err) != fault.DryRun || !c.Balanced() {
		t.Errorf("%+v, %v", c, err)
	}
	if c.NotTried != 1 || c.AlreadyThere != 58 || c.GoneKept != 2 || c.Deleted != 0 || c.Moved != 0 {
		t.Errorf("count %+v", c)
	}
	r.holds("INBOX", 30)
	r.holds("other", 30)
}

// What would be moved to a mailbox that then cannot be opened is counted there
// as what it is: not tried.
func TestDryRowMovesToNowhere(t *testing.T) {
	r := thirty(t, memoryHost(t), memoryHost(t))
	r.moves(r.src, "INBOX", "other", "1:30")
	r.looks()
	r.rules.Dry, r.rules.Moves = true, true
	var opened, refuse atomic.Int64
	r.before(false, imaptest.ProxyOptions{Rewrite: func(line []byte) []byte {
		tag, ok := bytes.CutSuffix(line, []byte(" OK [READ-ONLY] EXAMINE completed"))
		if !ok || opened.Add(1) != refuse.Load() {
			return line
		}
		return append(tag, " NO [NOPERM] not this one"...)
	}})
	for range 2 {
		c, err := r.sync(t.Context())
		want, code := int64(30), fault.DryRun
		if refuse.Load() > 0 {
			want, code = 0, fault.MailboxRefused
		}
		if fault.CodeOf(err) != code || !c.Balanced() || c.AlreadyThere != want || c.Listed != 60 || c.NotTried != 60-want || c.GoneKept != 30 || c.Moved != 0 {
			t.Errorf("%+v, %v", c, err)
		}
		refuse.Store(opened.Swap(0)) // the last one next time
	}
}
