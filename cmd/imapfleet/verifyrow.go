package main

import (
	"fmt"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
	"github.com/imapfleet/imapfleet/pkg/verify"
)

// verifiedRow is one row of verify's output; its JSON is only ever added to.
type verifiedRow struct {
	Type   string      `json:"type"` // "row-verified"
	Line   int         `json:"line"`
	Source verifiedEnd `json:"source"`
	Dest   verifiedEnd `json:"destination"`
	// State is "verified", "incomplete", "failed" or, for a row that was left
	// out because the command was stopped or that only logs in, "not verified".
	State string `json:"state"`
	Deep  bool   `json:"deep"`
	// Mailboxes, Messages and Octets are the source's; DestMessages stand in
	// the mailboxes of the destination that they belong to.
	Mailboxes    int64 `json:"mailboxes"`
	Messages     int64 `json:"messages"`
	Octets       int64 `json:"octets"`
	DestMessages int64 `json:"destination_messages"`
	// Same is how many of Messages stand there; Missing how many do not, and
	// nothing explains it.
	Same        int64                  `json:"same"`
	Missing     int64                  `json:"missing"`
	Differences int64                  `json:"differences"`
	Exceptions  int64                  `json:"exceptions"`
	Kinds       map[string]int64       `json:"kinds"` // the numbers of either, by kind
	Seconds     float64                `json:"seconds"`
	Notes       []string               `json:"notes,omitempty"`
	Fault       *throughput.CheckFault `json:"fault,omitempty"`

	different, explained []kindCount
}

type verifiedEnd struct {
	Host string `json:"host"`
	User string `json:"user"`
}

// kindCount is how many findings of a kind there are.
type kindCount struct {
	kind string
	n    int64
}

func newVerifiedRow(p account.Pair, deep bool) verifiedRow {
	end := func(e account.Endpoint) verifiedEnd { return verifiedEnd{fault.Clean(e.Host), fault.Clean(e.User)} }
	return verifiedRow{Type: "row-verified", Line: p.Line, Source: end(p.Source), Dest: end(p.Dest), State: string(verify.NotVerified),
		Deep: deep, Kinds: map[string]int64{}}
}

// report takes what was found out.
func (r *verifiedRow) report(rep verify.Report) {
	r.State = string(rep.State)
	r.Mailboxes, r.Messages, r.Octets, r.DestMessages = rep.Mailboxes, rep.Messages, rep.Octets, rep.DestMessages
	r.Same, r.Missing, r.Differences, r.Exceptions = rep.Same, rep.Missing, rep.Differences, rep.Exceptions
	r.Seconds, r.Notes = rep.Elapsed.Seconds(), rep.Notes
	if f := rep.Fault; f != nil {
		r.Fault = &throughput.CheckFault{Code: string(f.Code), Text: f.Error(), Hint: f.Hint}
	}
	for _, f := range rep.Findings {
		if f.Explained {
			r.explained = count(r.explained, string(f.Kind))
		} else {
			r.different = count(r.different, string(f.Kind))
		}
	}
	for _, k := range slices.Concat(r.different, r.explained) {
		r.Kinds[k.kind] += k.n
	}
}

func count(all []kindCount, kind string) []kindCount {
	for i := range all {
		if all[i].kind == kind {
			all[i].n++
			return all
		}
	}
	return append(all, kindCount{kind, 1})
}

// verdict is the row's state in the words that can be shown to people.
func (r *verifiedRow) verdict() string {
	switch {
	case r.State == string(verify.Verified) && r.Exceptions > 0:
		return "verified with " + plural(r.Exceptions, "explained exception")
	case r.State == string(verify.Incomplete):
		return "incomplete: " + plural(r.Differences, "difference")
	case r.Fault != nil:
		return "failed: " + faultName(r.Fault)
	}
	return r.State
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return throughput.FormatNumber(n) + " " + noun + "s"
}

// verifySummary is the last line of --json.
type verifySummary struct {
	Type           string `json:"type"` // "summary"
	Deep           bool   `json:"deep"`
	Rows           int    `json:"rows"`
	Verified       int    `json:"verified"`
	WithExceptions int    `json:"with_exceptions"` // of those
	Incomplete     int    `json:"incomplete"`
	Failed         int    `json:"failed"`
	NotVerified    int    `json:"not_verified"` // the command was stopped, or they only log in
	Mailboxes      int64  `json:"mailboxes"`
	Messages       int64  `json:"messages"`
	Octets         int64  `json:"octets"`
	Same           int64  `json:"same"`
	Missing        int64  `json:"missing"`
	Differences    int64  `json:"differences"`
	Exceptions     int64  `json:"exceptions"`
}

func summarizeVerified(rows []verifiedRow, deep bool) verifySummary {
	sum := verifySummary{Type: "summary", Deep: deep, Rows: len(rows)}
	for i := range rows {
		r := &rows[i]
		switch r.State {
		case string(verify.Verified):
			sum.Verified++
			if r.Exceptions > 0 {
				sum.WithExceptions++
			}
		case string(verify.Incomplete):
			sum.Incomplete++
		case string(verify.Failed):
			sum.Failed++
		default:
			sum.NotVerified++
		}
		sum.Mailboxes += r.Mailboxes
		sum.Messages += r.Messages
		sum.Octets += r.Octets
		sum.Same += r.Same
		sum.Missing += r.Missing
		sum.Differences += r.Differences
		sum.Exceptions += r.Exceptions
	}
	return sum
}

// how says what was compared.
func (s verifySummary) how() string {
	if s.Deep {
		return "every body was compared on both sides"
	}
	return "headers, octets, dates and flags were compared; --deep compares every body"
}

// headline is the verdict over all rows.
func (s verifySummary) headline() []string {
	begin := fmt.Sprintf("%d of %s verified", s.Verified, plural(int64(s.Rows), "row"))
	if s.Verified == s.Rows {
		begin = fmt.Sprintf("All %s verified", plural(int64(s.Rows), "row"))
		if s.Rows == 1 {
			begin = "The row is verified"
		}
	}
	if s.WithExceptions > 0 {
		begin += fmt.Sprintf(", %d of them with %s", s.WithExceptions, plural(s.Exceptions, "explained exception"))
	}
	out := []string{begin + ".", fmt.Sprintf("%s of %s stand at the destination (%s).",
		throughput.FormatNumber(s.Same), plural(s.Messages, "message"), throughput.FormatOctets(s.Octets)) + " " + capital(s.how()) + "."}
	if s.Incomplete > 0 {
		out = append(out, fmt.Sprintf("%s incomplete: %s, of them %s missing.",
			plural(int64(s.Incomplete), "row"), plural(s.Differences, "difference"), plural(s.Missing, "message")))
	}
	if s.Failed > 0 {
		out = append(out, plural(int64(s.Failed), "row")+" failed: nobody knows what is there.")
	}
	if s.NotVerified > 0 {
		out = append(out, plural(int64(s.NotVerified), "row")+" not verified.")
	}
	return out
}
