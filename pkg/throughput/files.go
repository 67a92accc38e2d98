package throughput

import (
	"encoding/csv"
	"errors"
	"io"
	"strconv"
	"time"
)

// resultHeader is the header line of results.csv and failed.csv. Columns are
// only ever added, at the end.
//
// Messages: listed to not_tried; octets and octets_not_tried in octets;
// started and parked_until as RFC 3339, empty when there is none; seconds with
// 3 decimals; the rates over the row's own time; lane_seconds over all its
// lanes, which the columns up to ledger_seconds split; side to hint say why the
// row is not done, and are empty when it is.
func resultHeader() []string {
	header := []string{
		"line", "host1", "user1", "host2", "user2", "state",
		"listed", "copied", "already_there", "filtered", "rejected", "gone", "not_tried",
		"octets", "octets_not_tried", "source_octets", "mailboxes", "mailboxes_refused",
		"started", "seconds", "messages_per_second", "mib_per_second", "attempts", "parked_until",
		"side", "scope", "code", "operation", "mailbox", "text", "hint",
		"mailboxes_split", "flags_updated",
		"filtered_date", "filtered_size", "filtered_search", "filtered_duplicate", "accepted", "repaired",
		"gone_kept", "deleted", "moved", "mailboxes_filtered",
		"lane_seconds",
	}
	for _, a := range Activities() {
		header = append(header, a.String()+"_seconds")
	}
	return append(header, "source_parked_seconds", "destination_parked_seconds")
}

func resultRecord(r Result) []string {
	c := r.Count
	var f Fault
	if r.Fault != nil {
		f = *r.Fault
	}
	record := []string{
		strconv.Itoa(r.Line), r.Host1, r.User1, r.Host2, r.User2, string(r.State.Known()),
		integer(c.Listed), integer(c.Copied), integer(c.AlreadyThere), integer(c.Filtered),
		integer(c.Rejected), integer(c.Gone), integer(c.NotTried),
		integer(c.Octets), integer(c.OctetsNotTried), integer(c.SourceOctets),
		integer(c.Mailboxes), integer(c.MailboxesRefused),
		timestamp(r.Start), decimal(r.Elapsed.Seconds()),
		decimal(r.MessagesPerSecond()), decimal(r.MiBPerSecond()),
		strconv.Itoa(r.Attempts), timestamp(r.ParkedUntil),
		f.Side, f.Scope, f.Code, f.Op, f.Mailbox, f.Text, f.Hint,
		integer(c.MailboxesSplit), integer(c.FlagsUpdated),
		integer(c.FilteredDate), integer(c.FilteredSize), integer(c.FilteredSearch), integer(c.FilteredDuplicate),
		integer(c.Accepted), integer(c.Repaired),
		integer(c.GoneKept), integer(c.Deleted), integer(c.Moved), integer(c.MailboxesFiltered),
		decimal(r.LaneTime.Seconds()),
	}
	for _, d := range r.Spent {
		record = append(record, decimal(d.Seconds()))
	}
	return append(record, decimal(r.SourceParked.Seconds()), decimal(r.DestParked.Seconds()))
}

// WriteResults writes results.csv: one record per row, whatever its state.
// Like all result files it is UTF-8 with a header line, separated by ';',
// quoted as RFC 4180 says, one physical line per record. The error is w's.
func WriteResults(w io.Writer, results []Result) error {
	return writeRecords(w, resultHeader(), func(put func([]string)) {
		for _, r := range results {
			put(resultRecord(r))
		}
	})
}

// WriteFailed writes failed.csv: the records of WriteResults of those rows
// that are not done, pending and parked ones too.
func WriteFailed(w io.Writer, results []Result) error {
	return writeRecords(w, resultHeader(), func(put func([]string)) {
		for _, r := range results {
			if r.State != Done {
				put(resultRecord(r))
			}
		}
	})
}

// WriteRejects writes rejects.csv: one record per message that could not be
// migrated. octets and date are empty when the server did not say them.
func WriteRejects(w io.Writer, rejects []Reject) error {
	header := []string{"line", "mailbox", "uid", "message_id", "octets", "date", "code", "text", "accepted"}
	return writeRecords(w, header, func(put func([]string)) {
		for _, r := range rejects {
			octets, accepted := "", ""
			if r.Octets >= 0 {
				octets = integer(r.Octets)
			}
			if r.Accepted {
				accepted = "yes"
			}
			put([]string{strconv.Itoa(r.Line), r.Mailbox, integer(int64(r.UID)), r.MessageID,
				octets, timestamp(r.Date), r.Code, r.Text, accepted})
		}
	})
}

// WriteRepairs writes repairs.csv: one record per change that was made to let
// a message or a mailbox through, as each hands them over. uid is empty for a
// mailbox. The error is that of each, or w's.
func WriteRepairs(w io.Writer, each func(take func(Repair)) error) error {
	header := []string{"line", "mailbox", "uid", "repair", "from", "to"}
	var failed error
	err := writeRecords(w, header, func(put func([]string)) {
		failed = each(func(r Repair) {
			uid := ""
			if r.UID != 0 {
				uid = integer(int64(r.UID))
			}
			put([]string{strconv.Itoa(r.Line), r.Mailbox, uid, r.Kind, r.From, r.To})
		})
	})
	return errors.Join(failed, err)
}

func writeRecords(w io.Writer, header []string, each func(put func([]string))) error {
	out := NewRecords(w, header)
	each(out.Put)
	return out.Flush()
}

// Records writes a result file record by record, as [WriteResults] has them.
type Records struct{ csv *csv.Writer }

// NewRecords writes the header line.
func NewRecords(w io.Writer, header []string) *Records {
	r := &Records{csv.NewWriter(w)}
	r.csv.Comma = ';'
	r.Put(header)
	return r
}

// Put writes one record. Its error is Flush's.
func (r *Records) Put(record []string) {
	for i := range record {
		record[i] = oneLine(record[i])
	}
	_ = r.csv.Write(record) // csv keeps the error
}

// Flush hands on what was put; its error is the first that w gave.
func (r *Records) Flush() error {
	r.csv.Flush()
	return r.csv.Error()
}

func integer(n int64) string { return strconv.FormatInt(n, 10) }

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', 3, 64) }

func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}
