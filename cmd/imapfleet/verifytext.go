package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
	"github.com/imapfleet/imapfleet/pkg/verify"
)

// writeVerified prints the table of verify in the list's order, then what is
// wrong with each row, then the verdict over all.
func writeVerified(out io.Writer, rows []verifiedRow, sum verifySummary, dir string) error {
	buf := bufio.NewWriter(out)
	w := tabwriter.NewWriter(buf, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "line\taccount\tmailboxes\tmessages\tat destination\tverdict")
	for i := range rows {
		r := &rows[i]
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", r.Line, r.Source.User+" at "+r.Source.Host,
			throughput.FormatNumber(r.Mailboxes), throughput.FormatNumber(r.Messages), throughput.FormatNumber(r.Same), r.verdict())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i := range rows {
		rows[i].writeTrouble(buf)
	}
	fmt.Fprintln(buf)
	for _, line := range sum.headline() {
		fmt.Fprintln(buf, line)
	}
	if sum.Differences+sum.Exceptions > 0 {
		fmt.Fprintf(buf, "Each one is listed in differences.csv and exceptions.csv in %s\n", fault.Clean(dir))
	}
	return buf.Flush()
}

// writeTrouble says what differs in a row, by kind.
func (r *verifiedRow) writeTrouble(w io.Writer) {
	if f := r.Fault; f != nil {
		fmt.Fprintf(w, "\nline %d: %s\n", r.Line, f.Text)
		if f.Hint != "" {
			fmt.Fprintf(w, "  to do: %s\n", f.Hint)
		}
	}
	for _, note := range r.Notes {
		fmt.Fprintf(w, "\nline %d: note: %s\n", r.Line, fault.Clean(note))
	}
	if len(r.different) > 0 {
		fmt.Fprintf(w, "\nline %d: %s\n", r.Line, kindList(r.different))
	}
	if len(r.explained) > 0 && len(r.different) > 0 {
		fmt.Fprintf(w, "  explained: %s\n", kindList(r.explained))
	}
}

func kindList(all []kindCount) string {
	var out []string
	for _, k := range all {
		out = append(out, throughput.FormatNumber(k.n)+" "+k.kind)
	}
	return strings.Join(out, ", ")
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// verifyFiles are what verify leaves in the state directory. They belong to
// one goroutine at a time.
type verifyFiles struct {
	dir                     string
	exceptions, differences *findingsFile
}

type findingsFile struct {
	file    *freshFile
	records *throughput.Records
}

func newFindingsFile(dir, name string) (*findingsFile, error) {
	file, err := newFreshFile(dir, name)
	if err != nil {
		return nil, err
	}
	return &findingsFile{file, throughput.NewRecords(file, findingColumns())}, nil
}

// findingColumns is the header line of exceptions.csv and differences.csv.
func findingColumns() []string {
	return []string{"line", "mailbox", "uid", "destination_mailbox", "destination_uid", "kind", "explanation",
		"message_id", "date", "octets", "subject"}
}

func newVerifyFiles(dir string) (*verifyFiles, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	f := &verifyFiles{dir: dir}
	var err error
	if f.exceptions, err = newFindingsFile(dir, "exceptions.csv"); err != nil {
		return nil, err
	}
	if f.differences, err = newFindingsFile(dir, "differences.csv"); err != nil {
		return nil, f.exceptions.file.discard(err)
	}
	return f, nil
}

// findings writes what was found in a row.
func (f *verifyFiles) findings(line int, all []verify.Finding) error {
	for i := range all {
		to := f.differences
		if all[i].Explained {
			to = f.exceptions
		}
		to.records.Put(findingRecord(line, &all[i]))
	}
	return errors.Join(f.exceptions.records.Flush(), f.differences.records.Flush())
}

func findingRecord(line int, f *verify.Finding) []string {
	uid := func(n uint32) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatUint(uint64(n), 10)
	}
	date, octets := "", ""
	if !f.Date.IsZero() {
		date = f.Date.Format(time.RFC3339)
	}
	if f.Octets >= 0 {
		octets = strconv.FormatInt(f.Octets, 10)
	}
	return []string{strconv.Itoa(line), f.Mailbox, uid(f.UID), f.DestMailbox, uid(f.DestUID), string(f.Kind), f.Text,
		f.MessageID, date, octets, f.Subject}
}

// end brings all three files under their names.
func (f *verifyFiles) end(rows []verifiedRow) error {
	return errors.Join(f.exceptions.file.commit(), f.differences.file.commit(),
		newResultFiles(f.dir).replace("verify.csv", func(w io.Writer) error { return writeVerifyRows(w, rows) }))
}

// writeVerifyRows writes verify.csv: one record per row that was asked for.
func writeVerifyRows(w io.Writer, rows []verifiedRow) error {
	out := throughput.NewRecords(w, []string{"line", "host1", "user1", "host2", "user2", "state", "verdict", "deep",
		"mailboxes", "messages", "octets", "destination_messages", "same", "missing", "differences", "exceptions",
		"seconds", "code", "text", "hint", "notes"})
	for i := range rows {
		r := &rows[i]
		var f throughput.CheckFault
		if r.Fault != nil {
			f = *r.Fault
		}
		record := []string{strconv.Itoa(r.Line), r.Source.Host, r.Source.User, r.Dest.Host, r.Dest.User, r.State, r.verdict(), strconv.FormatBool(r.Deep)}
		for _, n := range []int64{r.Mailboxes, r.Messages, r.Octets, r.DestMessages, r.Same, r.Missing, r.Differences, r.Exceptions} {
			record = append(record, strconv.FormatInt(n, 10))
		}
		out.Put(append(record, strconv.FormatFloat(r.Seconds, 'f', 3, 64), f.Code, f.Text, f.Hint, strings.Join(r.Notes, " | ")))
	}
	return out.Flush()
}
