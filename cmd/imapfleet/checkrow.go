package main

import (
	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// levelNames are the levels of findings in check.csv and JSON.
func levelNames() map[mailsync.Level]string {
	return map[mailsync.Level]string{mailsync.Note: "note", mailsync.Warning: "warning", mailsync.NoGo: "no-go"}
}

// checkRowOf is what a check found about a row, in the words of check.csv.
func checkRowOf(p account.Pair, rep mailsync.CheckReport) *throughput.CheckRow {
	row := &throughput.CheckRow{
		Type: "row-checked", Line: p.Line,
		Source: checkSideOf(p.Source, rep.Source), Dest: checkSideOf(p.Dest, rep.Dest),
		Findings: []throughput.CheckFinding{}, Notes: []string{},
	}
	if q := rep.Quota; q.Known {
		row.Quota = &throughput.CheckQuota{Free: limited(q.Free), Limit: limited(q.Limit), FreeMessages: limited(q.FreeMessages)}
	}
	if !row.Fine() {
		return row
	}
	if rep.Needed.Octets >= 0 {
		row.Needed = &throughput.CheckOctets{Octets: rep.Needed.Octets, Error: rep.Needed.Error}
	}
	if l := rep.Large; l.Limit > 0 {
		row.Large = &throughput.CheckLarge{Limit: l.Limit, Messages: l.Messages, Largest: l.Largest}
	}
	addFindings(row, rep.Findings)
	return row
}

// addFindings adds findings to those of a row.
func addFindings(row *throughput.CheckRow, all []mailsync.Finding) {
	names := levelNames()
	for _, f := range all {
		row.Findings = append(row.Findings, throughput.CheckFinding{Level: names[f.Level], Code: f.Code, Text: f.Text})
		row.Notes = append(row.Notes, f.Text)
	}
}

func checkSideOf(e account.Endpoint, rep mailsync.SideReport) throughput.CheckSide {
	s := throughput.CheckSide{
		Host: fault.Clean(e.Host), User: fault.Clean(e.User), Software: fault.Clean(rep.Software),
		Mailboxes: rep.Mailboxes, Messages: rep.Messages,
	}
	if f := rep.Fault; f != nil {
		s.Fault = &throughput.CheckFault{Code: string(f.Code), Text: f.Error(), Hint: f.Hint}
		return s
	}
	if s.Octets = limited(rep.Octets.Octets); s.Octets != nil {
		s.Error, s.Sampled = rep.Octets.Error, rep.Octets.Sampled
	}
	return s
}

// limited is nil for -1: unknown, or without limit.
func limited(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}

// verdictOf judges a row by its logins and findings.
func verdictOf(r *throughput.CheckRow) throughput.Verdict {
	v := throughput.Go
	for _, f := range r.Findings {
		switch f.Level {
		case "no-go":
			return throughput.NoGo
		case "warning":
			v = throughput.Warnings
		}
	}
	if !r.Fine() {
		return throughput.NoGo
	}
	return v
}
