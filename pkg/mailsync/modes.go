package mailsync

import (
	"context"
	"fmt"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// scratch returns the engine for rows that are only looked at in a run that
// copies others: it reads only, and remembers in Options.Scratch. nil without
// one.
func scratch(e *Engine) *Engine {
	if e.opt.Scratch == nil {
		return nil
	}
	opt := e.opt
	opt.Ledger, opt.Scratch, opt.DryRun = opt.Scratch, nil, true
	return &Engine{opt: opt, books: books{opt.Ledger}, press: e.press, share: e.share}
}

// onlyLooks reports whether nothing may be changed for the row of pair, in a
// run that may.
func (e *Engine) onlyLooks(pair account.Pair) bool {
	return pair.Rules != nil && pair.Rules.Dry && !e.opt.DryRun
}

// look is Sync for a row that is only looked at. What would be copied is not
// tried, so that the row is not taken for done.
func (e *Engine) look(ctx context.Context, pair account.Pair, row ledger.RowID, lanes Lanes, m *throughput.Meter) (throughput.Count, error) {
	if e.looker == nil {
		return throughput.Count{}, &fault.Error{Code: fault.DryRun, Op: "dry-run", Text: "there is nowhere to remember what is only looked at"}
	}
	p, err := e.looker.pass(ctx, pair, row, lanes, m)
	c := p.total()
	would := c.Copied
	c.NotTried, c.OctetsNotTried = c.NotTried+would+c.Moved, c.OctetsNotTried+c.Octets
	c.AlreadyThere, c.GoneKept = c.AlreadyThere-c.Moved, c.GoneKept+p.wouldLeave()+c.Deleted
	c.Copied, c.Octets, c.FlagsUpdated, c.Moved, c.Deleted = 0, 0, 0, 0, 0
	if err != nil {
		return c, err
	}
	return c, &fault.Error{Scope: fault.Message, Code: fault.DryRun, Op: "dry-run",
		Text: fmt.Sprintf("only looked at: %d messages would be copied", would),
		Hint: "take --dry-run (or --dry) out of the row's options to copy"}
}

// wouldLeave counts the messages that a real run would have moved elsewhere and
// that are therefore not listed as being kept.
func (p *pass) wouldLeave() (n int64) {
	for _, b := range p.boxes {
		if b.plan != nil {
			n += int64(len(b.left))
		}
	}
	return n
}

// tellRefused books the mailboxes that the destination does not take, where
// nothing is moved and no lane would.
func (p *pass) tellRefused() {
	for _, b := range p.boxes {
		if b.refused != nil {
			p.refuseBox(b, b.refused)
		}
	}
}
