package batch

import (
	"time"

	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// about is what a row asks for: what its state is about, and its counts, as a
// ledger.Row has them in Only and SourceRules.
type about struct{ only, mailboxes string }

// ledgerRow is what the ledger keeps of a row's result. known is what it kept
// before: its identity, and its counts while the row runs.
func ledgerRow(known ledger.Row, of about, r throughput.Result, now time.Time) ledger.Row {
	row := known
	row.Line = r.Line
	row.State = string(r.State)
	row.Attempts = r.Attempts
	row.Started, row.Updated = r.Start, now
	row.Seconds = r.Elapsed.Seconds()
	row.ParkedUntil = r.ParkedUntil
	setFault(&row, r.Fault)
	if r.State == throughput.Running {
		return row
	}
	row.Only = of.only
	row.LaneTime, row.Spent = r.LaneTime, r.Spent.Text()
	row.SourceParked, row.DestParked = r.SourceParked, r.DestParked
	c := r.Count
	row.Listed, row.Copied, row.AlreadyThere = c.Listed, c.Copied, c.AlreadyThere
	row.Filtered, row.Rejected, row.Gone, row.NotTried = c.Filtered, c.Rejected, c.Gone, c.NotTried
	row.Octets, row.OctetsNotTried = c.Octets, c.OctetsNotTried
	row.Mailboxes, row.MailboxesRefused = c.Mailboxes, c.MailboxesRefused
	row.MailboxesSplit, row.MailboxesFiltered = c.MailboxesSplit, c.MailboxesFiltered
	row.FilteredDate, row.FilteredSize = c.FilteredDate, c.FilteredSize
	row.FilteredSearch, row.FilteredDuplicate = c.FilteredSearch, c.FilteredDuplicate
	row.Accepted, row.Repaired, row.FlagsUpdated = c.Accepted, c.Repaired, c.FlagsUpdated
	row.GoneKept, row.Deleted, row.Moved = c.GoneKept, c.Deleted, c.Moved
	if c.Listed > 0 {
		setSize(&row, of.mailboxes, c)
	}
	return row
}

// setSize notes how much a pass has seen at the source.
func setSize(row *ledger.Row, mailboxes string, c throughput.Count) {
	moved := c.Octets + c.OctetsNotTried
	told := row.SourceOctets > 0 && row.SourceError >= 0 && row.SourceRules == mailboxes // before
	row.SourceMessages, row.SourceRules = c.Listed, mailboxes
	switch {
	case c.SourceOctets > 0:
		row.SourceOctets, row.SourceError = c.SourceOctets, 0
	case c.Copied == c.Listed:
		row.SourceOctets, row.SourceError = c.Octets, 0
	case told && moved <= row.SourceOctets:
	default:
		// The source does not say sizes: the largest pass so far is a fair
		// measure for the order of the next run.
		row.SourceOctets, row.SourceError = max(row.SourceOctets, moved), ledger.NotTold
	}
}

func setFault(row *ledger.Row, f *throughput.Fault) {
	if f == nil {
		f = &throughput.Fault{}
	}
	row.FaultSide, row.FaultScope, row.FaultCode, row.FaultOp = f.Side, f.Scope, f.Code, f.Op
	row.FaultMailbox, row.FaultText, row.FaultHint = f.Mailbox, f.Text, f.Hint
	row.FaultTemporary = f.Temporary
}

// attempt is one try at a row as the ledger keeps it.
func attempt(run string, id ledger.RowID, r throughput.Result, o outcome) ledger.Attempt {
	a := ledger.Attempt{
		Row: id, Run: run, N: r.Attempts, Start: o.start, Seconds: o.elapsed.Seconds(),
		State: string(r.State), Copied: o.count.Copied, Octets: o.count.Octets,
	}
	if r.Fault != nil {
		a.FaultSide, a.FaultCode, a.FaultText = r.Fault.Side, r.Fault.Code, r.Fault.Text
	}
	return a
}
