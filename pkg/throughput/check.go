package throughput

import (
	"io"
	"strconv"
	"strings"
)

// Verdict is what a check says of a row.
type Verdict string

// The verdicts, in the words of check.csv and JSON.
const (
	Go       Verdict = "go"
	Warnings Verdict = "go with warnings"
	NoGo     Verdict = "no-go"
)

// CheckRow is what a check found about one row: a line of `check --json` and a
// record of check.csv. Its JSON and its columns are only ever added to. Its
// texts are without control characters.
type CheckRow struct {
	Type     string         `json:"type"` // "row-checked"
	Line     int            `json:"line"`
	Source   CheckSide      `json:"source"`
	Dest     CheckSide      `json:"destination"`
	Needed   *CheckOctets   `json:"needed,omitempty"` // what is not at the destination yet; nil: unknown
	Quota    *CheckQuota    `json:"quota,omitempty"`  // nil: the destination does not tell
	Large    *CheckLarge    `json:"large,omitempty"`  // nil: the destination tells no limit of messages
	Domains  []CheckDomain  `json:"domains,omitempty"`
	Findings []CheckFinding `json:"findings"`
	Notes    []string       `json:"notes"` // the texts of the findings
	Verdict  Verdict        `json:"verdict"`
}

// Fine reports whether both logins worked.
func (r *CheckRow) Fine() bool { return r.Source.Fault == nil && r.Dest.Fault == nil }

// CheckSide is what one login showed. Octets is nil when unknown.
type CheckSide struct {
	Host      string      `json:"host"`
	User      string      `json:"user"`
	Software  string      `json:"software,omitempty"`
	Mailboxes int64       `json:"mailboxes"`
	Messages  int64       `json:"messages"`
	Octets    *int64      `json:"octets,omitempty"`
	Error     int64       `json:"octets_error,omitempty"` // how far Octets may be off; 0: exact
	Sampled   int64       `json:"octets_sampled,omitempty"`
	Fault     *CheckFault `json:"fault,omitempty"`
}

// CheckFault is why a login, or the look after it, failed.
type CheckFault struct {
	Code string `json:"code"`
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
}

// CheckOctets is a sum of octets that may be off by so many to either side.
type CheckOctets struct {
	Octets int64 `json:"octets"`
	Error  int64 `json:"octets_error,omitempty"`
}

// CheckQuota is what the destination allows an account; nil: without limit.
type CheckQuota struct {
	Free         *int64 `json:"free,omitempty"`          // octets
	Limit        *int64 `json:"limit,omitempty"`         // octets
	FreeMessages *int64 `json:"free_messages,omitempty"` // messages
}

// CheckLarge is about the source's messages over the destination's limit.
type CheckLarge struct {
	Limit    int64 `json:"limit"`             // octets of a message
	Messages int64 `json:"messages"`          // how many have more
	Largest  int64 `json:"largest,omitempty"` // octets of the largest of them
}

// CheckDomain says where mail for a domain goes.
type CheckDomain struct {
	Domain string   `json:"domain"`
	MX     []string `json:"mx,omitempty"`  // hosts, the preferred first
	TTL    *int64   `json:"ttl,omitempty"` // seconds; nil: unknown
	// AtLeast: TTL is what a cache had left of it.
	AtLeast bool   `json:"ttl_at_least,omitempty"`
	Side    string `json:"points_at,omitempty"` // source, destination; "": cannot be told
}

// CheckFinding is one thing that a check found. Level is note, warning or
// no-go; only the last two count for the verdict.
type CheckFinding struct {
	Level string `json:"level"`
	Code  string `json:"code"`
	Text  string `json:"text"`
}

// checkHeader is the header line of check.csv. Columns are only ever added, at
// the end. Octets and messages; empty: unknown, or without limit.
func checkHeader() []string {
	return []string{
		"line", "host1", "user1", "host2", "user2", "verdict",
		"software1", "mailboxes1", "messages1", "octets1", "octets1_error",
		"software2", "mailboxes2", "messages2", "octets2", "octets2_error",
		"needed", "needed_error", "quota_limit", "quota_free", "quota_free_messages",
		"append_limit", "too_large", "largest", "domain", "mx", "mx_ttl", "mx_points_at",
		"code1", "text1", "hint1", "code2", "text2", "hint2", "no_go", "warnings", "notes",
	}
}

// WriteChecks writes check.csv: one record per row that was checked; nil ones
// are left out. What stands in one field about several things is separated by
// " | ".
func WriteChecks(w io.Writer, rows []*CheckRow) error {
	return writeRecords(w, checkHeader(), func(put func([]string)) {
		for _, r := range rows {
			if r != nil {
				put(checkRecord(r))
			}
		}
	})
}

func checkRecord(r *CheckRow) []string {
	out := []string{strconv.Itoa(r.Line), r.Source.Host, r.Source.User, r.Dest.Host, r.Dest.User, string(r.Verdict)}
	for _, s := range []CheckSide{r.Source, r.Dest} {
		out = append(out, s.columns()...)
	}
	needed, quota, large := r.limits()
	out = append(append(append(out, needed...), quota...), large...)
	out = append(out, r.domainColumns()...)
	for _, s := range []CheckSide{r.Source, r.Dest} {
		f := s.Fault
		if f == nil {
			f = &CheckFault{}
		}
		out = append(out, f.Code, f.Text, f.Hint)
	}
	return append(out, r.texts("no-go"), r.texts("warning"), r.texts("note"))
}

func (s CheckSide) columns() []string {
	if s.Fault != nil {
		return make([]string, 5)
	}
	out := []string{s.Software, integer(s.Mailboxes), integer(s.Messages), optional(s.Octets), ""}
	if s.Octets != nil {
		out[4] = integer(s.Error)
	}
	return out
}

func (r *CheckRow) limits() (needed, quota, large []string) {
	needed, quota, large = make([]string, 2), make([]string, 3), make([]string, 3)
	if r.Needed != nil {
		needed = []string{integer(r.Needed.Octets), integer(r.Needed.Error)}
	}
	if q := r.Quota; q != nil {
		quota = []string{optional(q.Limit), optional(q.Free), optional(q.FreeMessages)}
	}
	if l := r.Large; l != nil {
		large = []string{integer(l.Limit), integer(l.Messages), ""}
		if l.Largest > 0 {
			large[2] = integer(l.Largest)
		}
	}
	return needed, quota, large
}

func (r *CheckRow) domainColumns() []string {
	var names, hosts, ttls, sides []string
	for _, d := range r.Domains {
		names, hosts = append(names, d.Domain), append(hosts, strings.Join(d.MX, " "))
		ttls, sides = append(ttls, optional(d.TTL)), append(sides, d.Side)
	}
	var out []string
	for _, column := range [][]string{names, hosts, ttls, sides} {
		out = append(out, strings.Join(column, " | "))
	}
	return out
}

// texts joins the findings of a level.
func (r *CheckRow) texts(level string) string {
	var out []string
	for _, f := range r.Findings {
		if f.Level == level {
			out = append(out, f.Text)
		}
	}
	return strings.Join(out, " | ")
}

// optional is empty for what is not known.
func optional(n *int64) string {
	if n == nil {
		return ""
	}
	return integer(*n)
}
