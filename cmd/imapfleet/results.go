package main

import (
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// pendingResult is a row that nothing is known of.
func pendingResult(p account.Pair) throughput.Result {
	return throughput.Result{
		Line: p.Line, Host1: p.Source.Host, User1: p.Source.User, Host2: p.Dest.Host, User2: p.Dest.User,
		State: throughput.Pending,
	}
}

// resultOf is what the ledger knows of a row, in the words of the result
// files. A row that is done with less than it asks for now is pending: its mail is
// still to come.
func resultOf(p account.Pair, r ledger.Row) throughput.Result {
	out := pendingResult(p)
	if out.State = throughput.State(r.State).Known(); out.State == throughput.Done && !r.Covers(p.Rules.Only()) {
		out.State = throughput.Pending
	}
	out.Count = throughput.Count{
		Listed: r.Listed, Copied: r.Copied, AlreadyThere: r.AlreadyThere, Filtered: r.Filtered,
		Rejected: r.Rejected, Gone: r.Gone, NotTried: r.NotTried,
		Octets: r.Octets, OctetsNotTried: r.OctetsNotTried, SourceOctets: r.SourceOctets,
		Mailboxes: r.Mailboxes, MailboxesRefused: r.MailboxesRefused,
		MailboxesSplit: r.MailboxesSplit, MailboxesFiltered: r.MailboxesFiltered,
		FilteredDate: r.FilteredDate, FilteredSize: r.FilteredSize,
		FilteredSearch: r.FilteredSearch, FilteredDuplicate: r.FilteredDuplicate,
		Accepted: r.Accepted, Repaired: r.Repaired, FlagsUpdated: r.FlagsUpdated,
		GoneKept: r.GoneKept, Deleted: r.Deleted, Moved: r.Moved,
	}
	out.Start = r.Started
	out.Elapsed = time.Duration(r.Seconds * float64(time.Second))
	out.Attempts = r.Attempts
	out.ParkedUntil = r.ParkedUntil
	out.LaneTime, out.SourceParked, out.DestParked = r.LaneTime, r.SourceParked, r.DestParked
	out.Spent = throughput.ParseSpent(r.Spent)
	if r.FaultScope != "" || r.FaultCode != "" || r.FaultText != "" {
		out.Fault = &throughput.Fault{
			Side: r.FaultSide, Scope: r.FaultScope, Code: r.FaultCode, Op: r.FaultOp, Mailbox: r.FaultMailbox,
			Text: r.FaultText, Hint: r.FaultHint, Temporary: r.FaultTemporary,
		}
	}
	return out
}

// parkedHosts are the hosts that a run leaves alone, by name.
func parkedHosts(hosts []ledger.HostPause) map[string]*throughput.HostPause {
	out := make(map[string]*throughput.HostPause, len(hosts))
	for _, h := range hosts {
		out[h.Host] = &throughput.HostPause{Host: h.Host, Until: h.Until, Fault: throughput.Fault{
			Side: h.FaultSide, Scope: h.FaultScope, Code: h.FaultCode, Op: h.FaultOp,
			Text: h.FaultText, Hint: h.FaultHint, Temporary: true,
		}}
	}
	return out
}

// abandoned is r as it stands when no process works on it: a row that was
// running when its process was killed is pending again.
func abandoned(r throughput.Result) throughput.Result {
	if r.State == throughput.Running {
		r.State = throughput.Pending
	}
	return r
}

// rejectsOf are the ledger's rejects in the words of rejects.csv.
func rejectsOf(rows []ledger.RejectRow) []throughput.Reject {
	out := make([]throughput.Reject, len(rows))
	for i, r := range rows {
		name, _ := imapconn.DecodeMailbox(r.Source)
		out[i] = throughput.Reject{
			Line: r.Line, Mailbox: fault.Clean(name), UID: r.UID, MessageID: r.MessageID,
			Octets: r.Octets, Date: r.Date, Code: r.Code, Text: r.Text, Accepted: r.Accepted,
		}
	}
	return out
}

// repairOf is a repair of the ledger in the words of repairs.csv.
func repairOf(r ledger.RepairRow) throughput.Repair {
	name, _ := imapconn.DecodeMailbox(r.Source)
	return throughput.Repair{Line: r.Line, Mailbox: fault.Clean(name), UID: r.UID, Kind: r.Kind, From: fault.Clean(r.Was), To: fault.Clean(r.Made)}
}
