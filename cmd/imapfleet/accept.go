package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// acceptance is a record of the file of --accept: a reject that a human has
// read. Reordered columns, another delimiter and what else a spreadsheet does
// to the file do not matter.
type acceptance struct {
	at        int // line of the file
	line      int // of the list
	mailbox   string
	uid       uint32
	messageID string    // "": not said
	octets    int64     // below 0: not said
	date      time.Time // in UTC; zero: not said
}

// key finds the reject.
func (a acceptance) key() rejectKey { return rejectKey{a.line, a.mailbox, a.uid} }

type rejectKey struct {
	line    int
	mailbox string
	uid     uint32
}

// maxSaid is how many faults of one kind are said of a file one by one.
const maxSaid = 10

// loadAccepted reads the file of --accept.
func loadAccepted(path string) ([]acceptance, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	out, err := parseAccepted(raw)
	if err != nil {
		return nil, fmt.Errorf("--accept %s: %w", path, err)
	}
	return out, nil
}

// parseAccepted reads what rejects.csv holds. The error names the first faults
// by their line.
func parseAccepted(raw []byte) ([]acceptance, error) {
	text, err := asUTF8(raw)
	if err != nil {
		return nil, err
	}
	r, column, err := acceptedHeader(text)
	if err != nil {
		return nil, err
	}
	var out []acceptance
	var faults []error
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.Join(append(faults, err)...)
		}
		if len(strings.TrimSpace(strings.Join(record, ""))) == 0 {
			continue
		}
		a, err := acceptedRecord(record, column)
		if a.at, _ = r.FieldPos(0); err != nil {
			if faults = append(faults, fmt.Errorf("line %d: %w", a.at, err)); len(faults) == maxSaid {
				return nil, errors.Join(append(faults, errors.New("there may be more"))...)
			}
			continue
		}
		out = append(out, a)
	}
	return out, errors.Join(faults...)
}

// asUTF8 undoes what spreadsheets do to a file's characters: a byte order mark,
// UTF-16 ("Unicode text"), or Windows' own (code page 1252).
func asUTF8(raw []byte) (string, error) {
	var from encoding.Encoding
	switch {
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")):
		from = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case !utf8.Valid(raw):
		from = charmap.Windows1252
	default:
		return strings.TrimPrefix(string(raw), "\ufeff"), nil
	}
	text, err := from.NewDecoder().Bytes(raw)
	return string(text), err
}

// acceptedHeader finds the delimiter and the columns by the header line.
func acceptedHeader(text string) (*csv.Reader, map[string]int, error) {
	if first, rest, ok := strings.Cut(text, "\n"); ok && strings.HasPrefix(first, "sep=") { // Excel's own
		text = "\n" + rest
	}
	for _, delimiter := range ";,\t" {
		r := csv.NewReader(strings.NewReader(text))
		r.Comma, r.LazyQuotes, r.FieldsPerRecord = delimiter, true, -1
		header, err := r.Read()
		if err != nil {
			continue
		}
		column := map[string]int{}
		for i, name := range header {
			column[strings.ToLower(strings.TrimSpace(name))] = i
		}
		if has(column, "line") && has(column, "mailbox") && has(column, "uid") {
			return r, column, nil
		}
	}
	return nil, nil, errors.New("no header line with the columns line, mailbox and uid, as rejects.csv has it")
}

func has(column map[string]int, name string) bool { _, ok := column[name]; return ok }

func acceptedRecord(record []string, column map[string]int) (acceptance, error) {
	cell := func(name string) string {
		i, ok := column[name]
		if !ok || i >= len(record) {
			return ""
		}
		return strings.TrimSpace(record[i])
	}
	a := acceptance{mailbox: cell("mailbox"), messageID: cell("message_id"), octets: -1}
	var err error
	if a.line, err = strconv.Atoi(cell("line")); err != nil || a.line < 1 {
		return a, fmt.Errorf("column line: %q is no line of the list", fault.Clean(cell("line")))
	}
	uid, err := strconv.ParseUint(cell("uid"), 10, 32)
	if err != nil || uid == 0 {
		return a, fmt.Errorf("column uid: %q is no UID", fault.Clean(cell("uid")))
	}
	a.uid = uint32(uid)
	if a.mailbox == "" {
		return a, errors.New("column mailbox: it is empty")
	}
	// What a spreadsheet has put into words of its own is as good as not said.
	if octets, err := strconv.ParseInt(cell("octets"), 10, 64); err == nil && octets >= 0 {
		a.octets = octets
	}
	if date, err := time.Parse(time.RFC3339, cell("date")); err == nil {
		a.date = date.UTC()
	}
	return a, nil
}

// accept has the ledger remember the rejects that a human has read, and returns
// a warning for each record that is none.
func (j *job) accept(ctx context.Context, file []acceptance) (warnings []string, err error) {
	rows, err := j.bound.ledger.AllRejects(ctx, j.bound.ids)
	if err != nil {
		return nil, err
	}
	shown := rejectsOf(rows)
	known := map[rejectKey][]int{}
	for i, r := range shown {
		k := rejectKey{r.Line, strings.TrimSpace(r.Mailbox), r.UID}
		known[k] = append(known[k], i)
	}
	for _, a := range file {
		at := slices.DeleteFunc(slices.Clone(known[a.key()]), func(i int) bool { return !a.fits(shown[i]) })
		if len(at) == 0 {
			warnings = append(warnings, j.whyNot(a, len(known[a.key()]) > 0))
		}
		for _, i := range at {
			if err := j.bound.ledger.AcceptReject(ctx, rows[i].Mailbox, rows[i].UID); err != nil {
				return nil, err
			}
		}
	}
	if n := len(warnings); n > maxSaid {
		warnings = append(warnings[:maxSaid], fmt.Sprintf("--accept: %d more records are no rejects", n-maxSaid))
	}
	return warnings, j.bound.ledger.Flush(ctx)
}

// fits reports whether the record may be about that reject, for all that it
// says of the message: many that are refused have no Message-ID, or share one.
func (a acceptance) fits(r throughput.Reject) bool {
	return (a.messageID == "" || a.messageID == strings.TrimSpace(fault.Clean(r.MessageID))) &&
		(a.octets < 0 || r.Octets < 0 || a.octets == r.Octets) &&
		(a.date.IsZero() || r.Date.IsZero() || a.date.Equal(r.Date.Truncate(time.Second)))
}

func (j *job) whyNot(a acceptance, another bool) string {
	why := "that message is no reject, or none any more"
	switch {
	case another:
		why = "another message has that UID now (its Message-ID, octets or date differ)"
	case !slices.ContainsFunc(j.bound.rows, func(r ledger.Row) bool { return r.Line == a.line }):
		why = "the list has no such row"
	}
	return fmt.Sprintf("--accept: line %d: row %d, mailbox %q, UID %d: %s", a.at, a.line, fault.Clean(a.mailbox), a.uid, why)
}

// acceptAll does so and tells of it.
func (j *job) acceptAll(ctx context.Context, o runOptions) error {
	if o.accept == "" {
		return nil
	}
	warnings, err := j.accept(ctx, o.accepted)
	if err != nil {
		return err
	}
	if !o.quiet {
		for _, w := range warnings {
			fmt.Fprintf(j.std.err, "warning: %s\n", w)
		}
	}
	return nil
}
