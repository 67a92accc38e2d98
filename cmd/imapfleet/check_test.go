package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// sized is an INBOX with messages of so many octets each.
func sized(octets ...int) imaptest.FakeMailbox {
	return imaptest.FakeMailbox{Name: "INBOX", Count: len(octets), Message: func(i int) imaptest.FakeMessage {
		return imaptest.FakeMessage{Body: bytes.Repeat([]byte("x"), octets[i])}
	}}
}

// preflight is a list of rows between two hosts that are told apart by name,
// and what a check of it says.
type preflight struct {
	t      *testing.T
	dir    string
	rows   []string
	stdout string
	stderr string
}

func (p *preflight) row(src *imaptest.Fake, user1 string, dst *imaptest.Fake, user2 string) {
	p.rows = append(p.rows, fmt.Sprintf("imap+insecure://127.0.0.1:%d;%s;x;imap+insecure://localhost:%d;%s;x", src.Port(), user1, dst.Port(), user2))
}

func (p *preflight) check(args ...string) (code int) {
	p.t.Helper()
	p.dir = p.t.TempDir()
	name := filepath.Join(p.dir, "accounts.csv")
	if err := os.WriteFile(name, []byte(strings.Join(p.rows, "\n")+"\n"), 0o600); err != nil {
		p.t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code = run(p.t.Context(), append([]string{"check", name}, args...), nil, &stdout, &stderr)
	p.stdout, p.stderr = stdout.String(), stderr.String()
	return code
}

// file reads check.csv as a spreadsheet does, by the names of its columns.
func (p *preflight) file() []map[string]string {
	p.t.Helper()
	b, err := os.ReadFile(filepath.Join(p.dir, "accounts.imapfleet", checkName))
	if err != nil {
		p.t.Fatal(err)
	}
	if lines := bytes.Count(b, []byte("\n")); lines != len(p.rows)+1 {
		p.t.Errorf("%d physical lines for %d rows", lines, len(p.rows))
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.Comma = ';'
	all, err := r.ReadAll()
	if err != nil {
		p.t.Fatal(err)
	}
	var out []map[string]string
	for _, record := range all[1:] {
		m := map[string]string{}
		for i, v := range record {
			m[all[0][i]] = v
		}
		out = append(out, m)
	}
	return out
}

func (p *preflight) says(want ...string) {
	p.t.Helper()
	for _, w := range want {
		if !strings.Contains(p.stdout, w) {
			p.t.Errorf("no %q in\n%s%s", w, p.stdout, p.stderr)
		}
	}
}

// fakes are two servers; the destination offers and limits what is given.
func fakes(t *testing.T, box imaptest.FakeMailbox, quota string, limit string) (src, dst *imaptest.Fake) {
	caps := append(imaptest.FakeCaps(), "STATUS=SIZE", "CONDSTORE", "SPECIAL-USE", "QUOTA")
	src = imaptest.NewFake(t, imaptest.FakeOptions{Caps: caps}, box)
	return src, imaptest.NewFake(t, imaptest.FakeOptions{Caps: append(slices.Clone(caps), "APPENDLIMIT="+limit), Quota: []string{quota}})
}

// Each row has its verdict, in the table, in check.csv, in JSON and in the
// exit code.
func TestCheckVerdicts(t *testing.T) {
	p := &preflight{t: t}
	src, dst := fakes(t, sized(1000, 2000), `"" (STORAGE 0 100)`, "5000")
	p.row(src, "fits", dst, "fits")
	if code := p.check("--quiet"); code != exitDone {
		t.Errorf("exit code %d\n%s", code, p.stdout)
	}
	src, dst = fakes(t, sized(1000, 6000), `"" (STORAGE 0 100)`, "5000")
	p.row(src, "large", dst, "large")
	if code := p.check("--quiet"); code != exitDone {
		t.Errorf("exit code %d with a warning\n%s", code, p.stdout)
	}
	src, dst = fakes(t, sized(60_000, 60_000), `"" (STORAGE 10 100)`, "500000")
	p.row(src, "full", dst, "full")
	if code := p.check("--quiet"); code != exitNotDone {
		t.Errorf("exit code %d with a no-go\n%s", code, p.stdout)
	}
	p.says("1     go ", "2     go with warnings  source", "3     no-go ", "100.0 KiB\n", " 90.0 KiB\n",
		"\nno-go\n  quota: needs about 117.2 KiB, 90.0 KiB free of 100.0 KiB: does not fit (line 3)\n",
		"\nwarnings\n  1 message is over the destination's limit of 4.9 KiB (the largest has 5.9 KiB) and will be rejected (line 2)\n",
		"\n3 of 3 rows can log in on both sides. Verdict: 1 go, 1 go with warnings, 1 no-go.\n")
	var got []string
	for _, r := range p.file() {
		got = append(got, strings.Join([]string{r["line"], r["verdict"], r["octets1"], r["octets1_error"], r["needed"], r["quota_limit"], r["quota_free"], r["append_limit"], r["too_large"], r["largest"], r["no_go"], r["warnings"], r["notes"]}, "|"))
	}
	want := []string{
		"1|go|3000|0|3000|102400|102400|5000|0||||",
		"2|go with warnings|7000|0|7000|102400|102400|5000|1|6000||1 message is over the destination's limit of 4.9 KiB (the largest has 5.9 KiB) and will be rejected|",
		"3|no-go|120000|0|120000|102400|92160|500000|0||quota: needs about 117.2 KiB, 90.0 KiB free of 100.0 KiB: does not fit||",
	}
	if !slices.Equal(got, want) {
		t.Errorf("check.csv:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	if code := p.check("--json", "--no-files"); code != exitNotDone {
		t.Errorf("exit code %d", code)
	}
	lines := strings.Split(strings.TrimSpace(p.stdout), "\n")
	var sum checkSummary
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &sum); err != nil || sum != (checkSummary{Type: "summary", Rows: 3, Fine: 3, Go: 1, Warnings: 1, NoGo: 1}) {
		t.Errorf("%+v, %v", sum, err)
	}
	verdicts := map[int]throughput.Verdict{}
	for _, l := range lines[:len(lines)-1] {
		var r throughput.CheckRow
		if err := json.Unmarshal([]byte(l), &r); err != nil {
			t.Fatal(err)
		}
		verdicts[r.Line] = r.Verdict
	}
	if fmt.Sprint(verdicts) != "map[1:go 2:go with warnings 3:no-go]" {
		t.Errorf("%v", verdicts)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "accounts.imapfleet")); err == nil {
		t.Error("--no-files wrote files")
	}
}

const checkZone = `
one.example.   86400 MX 10 localhost.
localhost.     60    A 127.0.0.1
two.example.   120   MX 10 mx.filter.example.
two.example.   120   MX 20 mx2.filter.example.
three.example. 3600  A 192.0.2.1
null.example.  60    MX 0 .
four.example.  86400 MX 10 mx.old.example.
broken.example. 0 SERVFAIL
`

// The domains of the users are looked up once each, and what is wrong with
// them is a warning.
func TestCheckDomains(t *testing.T) {
	src, dst := fakes(t, sized(1000), `"" (STORAGE 0 100)`, "5000")
	p := &preflight{t: t}
	p.row(src, "anna@one.example", dst, "anna@one.example")
	p.row(src, "bernd@two.example", dst, "bernd@two.example*admin")
	p.row(src, "carla@two.example", dst, "carla@three.example")
	p.row(src, "dimitri@null.example", dst, "dimitri")
	p.row(src, "elena@none.example", dst, "elena")
	p.row(src, "franz@broken.example", dst, "franz")
	p.row(src, "gina", dst, "gina@local")
	p.row(src, "hugo@four.example", dst, "hugo")
	d := imaptest.NewDNS(t, imaptest.DNSOptions{Zone: checkZone})
	if code := p.check("--quiet", "--dns-server", d.Addr().String()); code != exitDone {
		t.Errorf("exit code %d\n%s%s", code, p.stdout, p.stderr)
	}
	p.says(`
warnings about domains
  three.example has no MX: its mail goes to its address (TTL 3600 s); give it an MX before the cutover (line 3)
  null.example takes no mail (its MX is ".") (line 4)
  none.example does not exist (NXDOMAIN): no mail can reach it (line 5)
  the MX of broken.example could not be looked up: DNS server `+d.Addr().String()+` says ServerFailure (line 6)
`, `
where mail arrives
  mail for two.example goes to mx.filter.example and 1 more; MX TTL 120 s: short enough for the cutover (lines 2-3)
`, "  mail for four.example goes to mx.old.example; MX TTL 86400 s: lower it to 300 s at least 1d 00h before the cutover, or mail goes the old way for that long (line 8)\n",
		"Verdict: 4 go, 4 go with warnings, 0 no-go.")
	var got []string
	for _, r := range p.file() {
		got = append(got, strings.Join([]string{r["line"], r["domain"], r["mx"], r["mx_ttl"]}, ";"))
	}
	want := []string{
		"1;one.example;localhost;86400", "2;two.example;mx.filter.example mx2.filter.example;120",
		"3;two.example | three.example;mx.filter.example mx2.filter.example | ;120 | 3600", "4;null.example;;", "5;none.example;;", "6;broken.example;;", "7;;;",
		"8;four.example;mx.old.example;86400",
	}
	if !slices.Equal(got, want) {
		t.Errorf("check.csv:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	asked := d.Asked()
	slices.Sort(asked)
	if n := len(slices.Compact(slices.Clone(asked))); n != len(asked) && !slices.Contains(asked, "MX broken.example. udp") {
		t.Errorf("asked twice: %q", asked)
	}

	before := len(d.Asked())
	if code := p.check("--quiet", "--no-dns"); code != exitDone || strings.Contains(p.stdout, "domain") || len(d.Asked()) != before {
		t.Errorf("--no-dns: exit code %d\n%s%s", code, p.stdout, p.stderr)
	}
	for _, bad := range [][]string{{"--dns-server", "dns.example.org"}, {"--dns-server", "127.0.0.1", "--no-dns"}} {
		if code := p.check(bad...); code != exitUsage {
			t.Errorf("%q: exit code %d\n%s", bad, code, p.stderr)
		}
	}
}

func TestDomainOf(t *testing.T) {
	for user, want := range map[string]string{
		"anna": "", "anna@Example.ORG": "example.org", "anna@example.org.": "example.org", "anna@example.org*admin": "example.org",
		"anna@example.org/shared": "example.org", "anna@local": "", "anna@[192.0.2.1]": "", "anna@": "", "a@b.example@proxy": "b.example",
		"anna@müller.example": "müller.example",
	} {
		if got := domainOf(user); got != want {
			t.Errorf("%q: %q, want %q", user, got, want)
		}
	}
}
