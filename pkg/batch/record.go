package batch

import (
	"time"

	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// ledgerRow is what the ledger keeps of a row's result. known is what it kept
// before: its identity, and its counts while the row runs. only is what the row
// asks for.
func ledgerRow(known ledger.Row, only string, r throughput.Result, now time.Time) ledger.Row {
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
	row.Only = only
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
		row.SourceMessages, row.SourceOctets, row.SourceError = c.Listed, c.SourceOctets, 0
	}
	if row.SourceOctets == 0 {
		// The source does not say sizes: the largest pass so far is a fair
		// measure for the order of the next run.
		row.SourceOctets = max(known.SourceOctets, c.Octets+c.OctetsNotTried)
	}
	return row
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
