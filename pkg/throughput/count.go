// Package throughput holds the facts of a run and what is derived from them:
// Meter counts live, Count and Result say what became of a row, Summary what
// became of all of them, as text, JSON, NDJSON events and result files.
//
// Facts are counted, rates are derived from them with the time as a
// parameter. The package draws nothing on a terminal, opens no file, knows no
// server and imports none of our packages.
package throughput

// Count is what one pass made of its row. The unit is messages unless the
// field says otherwise. The zero value is an empty pass. Each message counts
// once, in one of Copied, AlreadyThere, Filtered, Rejected, Gone and NotTried.
type Count struct {
	Listed       int64 `json:"listed"`        // what the source listed
	Copied       int64 `json:"copied"`        // acknowledged by the destination's tagged OK
	AlreadyThere int64 `json:"already_there"` // found at the destination, not sent
	Filtered     int64 `json:"filtered"`      // left out by the user's own rule
	Rejected     int64 `json:"rejected"`      // refused one by one; each has a Reject
	Gone         int64 `json:"gone"`          // vanished at the source after it was listed
	NotTried     int64 `json:"not_tried"`     // the pass did not come to them

	Octets int64 `json:"octets"` // literal octets of Copied
	// OctetsNotTried are those of NotTried, as far as they are known: of mailboxes
	// that were begun only where the destination was full. So it is at least so
	// many; 0 when nothing is known.
	OctetsNotTried int64 `json:"octets_not_tried"`
	SourceOctets   int64 `json:"source_octets"` // of Listed, by the source's STATUS; 0 when unknown

	Mailboxes        int64 `json:"mailboxes"`         // source mailboxes of the pass
	MailboxesRefused int64 `json:"mailboxes_refused"` // of Mailboxes: could not be migrated
	MailboxesSplit   int64 `json:"mailboxes_split"`   // of Mailboxes: moved by more than one lane, so that the order of UIDs was not kept
	// MailboxesFiltered are source mailboxes that the user's rules, or being a
	// view of others (\All), left out: they are not in Mailboxes, and what they
	// hold is not in Listed.
	MailboxesFiltered int64 `json:"mailboxes_filtered"`

	FlagsUpdated int64 `json:"flags_updated"` // copied before, whose flags have followed those of the source

	// Which rule left them out: these add up to Filtered.
	FilteredDate      int64 `json:"filtered_date"`      // --since, --before, --maxage, --minage
	FilteredSize      int64 `json:"filtered_size"`      // --max-size, --min-size
	FilteredSearch    int64 `json:"filtered_search"`    // --search
	FilteredDuplicate int64 `json:"filtered_duplicate"` // --skip-duplicates

	Accepted int64 `json:"accepted"`  // of Rejected: a human has accepted that they stay behind
	Repaired int64 `json:"repaired"`  // of Copied: changed on the way; each has a Repair
	GoneKept int64 `json:"gone_kept"` // copied by an earlier pass, gone at the source since, kept at the destination; not in Listed
	Deleted  int64 `json:"deleted"`   // gone at the source as those, and taken away at the destination too (--follow-deletes)
	Moved    int64 `json:"moved"`     // of AlreadyThere: moved at the destination as at the source (--follow-moves)
}

// Add adds o to c, field by field. It is the one place where counts are
// summed over rows. It does not join attempts of one row: what one attempt
// copied the next one finds already there.
func (c *Count) Add(o Count) {
	c.Listed += o.Listed
	c.Copied += o.Copied
	c.AlreadyThere += o.AlreadyThere
	c.Filtered += o.Filtered
	c.Rejected += o.Rejected
	c.Gone += o.Gone
	c.NotTried += o.NotTried
	c.Octets += o.Octets
	c.OctetsNotTried += o.OctetsNotTried
	c.SourceOctets += o.SourceOctets
	c.Mailboxes += o.Mailboxes
	c.MailboxesRefused += o.MailboxesRefused
	c.MailboxesSplit += o.MailboxesSplit
	c.FlagsUpdated += o.FlagsUpdated
	c.FilteredDate += o.FilteredDate
	c.FilteredSize += o.FilteredSize
	c.FilteredSearch += o.FilteredSearch
	c.FilteredDuplicate += o.FilteredDuplicate
	c.Accepted += o.Accepted
	c.Repaired += o.Repaired
	c.GoneKept += o.GoneKept
	c.Deleted += o.Deleted
	c.Moved += o.Moved
	c.MailboxesFiltered += o.MailboxesFiltered
}

// Accounted is the number of messages whose fate is known, NotTried included.
func (c Count) Accounted() int64 {
	return c.Copied + c.AlreadyThere + c.Filtered + c.Rejected + c.Gone + c.NotTried
}

// Balanced reports whether every listed message is accounted for.
func (c Count) Balanced() bool { return c.Accounted() == c.Listed }
