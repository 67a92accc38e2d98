package batch

import (
	"fmt"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// classify returns err as a fault: an unclassified error is one of scope
// Account, not temporary.
func classify(err error) *fault.Error {
	if err == nil {
		return nil
	}
	if e := fault.Of(err); e != nil {
		return e
	}
	return &fault.Error{Err: err}
}

// endState is what a row is when there is no further attempt.
func endState(c throughput.Count, e *fault.Error) throughput.State {
	short := c.Rejected > c.Accepted || c.NotTried > 0 || c.MailboxesRefused > 0
	switch {
	case e == nil && !short:
		return throughput.Done
	case e == nil, e.Scope == fault.Message, e.Scope == fault.Mailbox:
		return throughput.Incomplete
	case c.Listed > 0 && (e.Code == fault.Quota || e.Code == fault.TooManyRejects):
		return throughput.Incomplete
	}
	return throughput.Failed
}

// cause names what an incomplete row lacks when the pass came to its end
// without naming anything itself.
func cause(c throughput.Count) *fault.Error {
	switch {
	case c.MailboxesRefused > 0:
		return &fault.Error{
			Scope: fault.Mailbox, Side: fault.Dest, Code: fault.MailboxRefused,
			Text: fmt.Sprintf("%d mailboxes were refused, %d messages not tried", c.MailboxesRefused, c.NotTried),
			Hint: "see run.log for the names and the server's words; the other mailboxes went on",
		}
	case c.Rejected > c.Accepted:
		return &fault.Error{
			Scope: fault.Message, Side: fault.Dest, Code: fault.MessageRefused,
			Text: fmt.Sprintf("%d messages were rejected", c.Rejected-c.Accepted),
			Hint: "see rejects.csv for each message and the server's words; they are tried again on each run",
		}
	}
	return &fault.Error{
		Scope: fault.Message, Code: fault.Unknown,
		Text: fmt.Sprintf("%d messages were not tried", c.NotTried),
		Hint: "run again with --failed",
	}
}

// join adds an attempt to what earlier attempts of the same run did. What they
// copied the later one finds already there, so it is moved, not added: a
// message counts once. An attempt that got to no list changes no count.
func join(before, now throughput.Count) throughput.Count {
	if now.Listed == 0 && now.Mailboxes == 0 {
		now, before = before, throughput.Count{Octets: now.Octets}
	}
	c := now
	moved := min(before.Copied, now.AlreadyThere)
	c.AlreadyThere -= moved
	c.Copied += before.Copied
	// What was not met again was listed then: the later attempt got less far,
	// or it has vanished since.
	c.Listed += before.Copied - moved
	c.Octets += before.Octets
	// Mostly the same ones: a large mailbox goes on where it was cut.
	c.MailboxesSplit = max(c.MailboxesSplit, before.MailboxesSplit)
	// What one attempt has changed the next one finds as it should be.
	c.FlagsUpdated += before.FlagsUpdated
	c.Repaired += before.Repaired
	c.Deleted += before.Deleted
	c.Moved += before.Moved
	return c
}

// describe is e in the words of the result files.
func describe(e *fault.Error) *throughput.Fault {
	if e == nil {
		return nil
	}
	text := e.Text
	if text == "" && e.Err != nil {
		text = e.Err.Error()
	}
	return &throughput.Fault{
		Side: e.Side.String(), Scope: e.Scope.String(), Code: string(e.Code), Op: e.Op,
		Mailbox: fault.Clean(e.Mailbox), Text: fault.Clean(text), Hint: e.Hint, Temporary: e.Temporary,
	}
}
