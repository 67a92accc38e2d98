package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// document reads a file by its path from the top of the repository.
func document(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n")
}

// blocks are the fenced blocks of a document, without their fences.
func blocks(text string) []string {
	var out []string
	for i, part := range strings.Split(text, "\n```") {
		if i%2 == 1 {
			_, body, _ := strings.Cut(part, "\n") // the rest of the fence: its language
			out = append(out, body)
		}
	}
	return out
}

// session returns what README shows below the command.
func session(t *testing.T, text, command string) string {
	t.Helper()
	for _, b := range blocks(text) {
		if shown, ok := strings.CutPrefix(b, "$ "+command+"\n"); ok {
			return shown
		}
	}
	t.Fatalf("README shows no output of %q", command)
	return ""
}

// TestReadmeListErrors runs the broken list of README.
func TestReadmeListErrors(t *testing.T) {
	text := document(t, "README.md")
	all := blocks(text)
	at := slices.IndexFunc(all, func(b string) bool { return strings.HasPrefix(b, "$ imapfleet run accounts.csv\nimapfleet: ") })
	if at < 1 {
		t.Fatal("README shows no errors of a list")
	}
	_, want, _ := strings.Cut(all[at], "\n")
	t.Chdir(t.TempDir())
	if err := os.WriteFile("accounts.csv", []byte(all[at-1]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"run", "accounts.csv"}, nil, &stdout, &stderr)
	if got := strings.TrimSpace(stderr.String()); code != exitUsage || got != want || stdout.Len() > 0 {
		t.Errorf("exit code %d, stdout %q, stderr\n%s\nREADME says\n%s", code, stdout.String(), got, want)
	}
}

// rowsOf are the cells of the table that stands below the line that begins
// with title, without its head.
func rowsOf(t *testing.T, text, title string) [][]string {
	t.Helper()
	_, after, ok := strings.Cut(text, "\n"+title)
	if !ok {
		t.Fatalf("README has no %q", title)
	}
	var out [][]string
	for line := range strings.Lines(after) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if len(out) > 0 {
				break
			}
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		out = append(out, cells)
	}
	if len(out) < 3 {
		t.Fatalf("README has no table below %q", title)
	}
	return out[2:]
}

// TestReadmeTables holds the tables of columns, states and exit codes against
// the program.
func TestReadmeTables(t *testing.T) {
	text := document(t, "README.md")
	named := func(title string) []string {
		var out []string
		for _, row := range rowsOf(t, text, title) {
			for _, name := range strings.Fields(row[0]) {
				out = append(out, strings.Trim(name, "`"))
			}
		}
		return out
	}
	written := func(write func(*bytes.Buffer) error) []string {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(b.String()), ";")
	}
	tests := []struct {
		title string
		want  []string
	}{
		{"Columns of `results.csv`", written(func(b *bytes.Buffer) error { return throughput.WriteResults(b, nil) })},
		{"Columns of `rejects.csv`", written(func(b *bytes.Buffer) error { return throughput.WriteRejects(b, nil) })},
		{"Columns of `check.csv`", written(func(b *bytes.Buffer) error { return throughput.WriteChecks(b, nil) })},
		{"Columns of `verify.csv`", written(func(b *bytes.Buffer) error { return writeVerifyRows(b, nil) })},
		{"Columns of `exceptions.csv`", findingColumns()},
		{"### States of a row", []string{"done", "incomplete", "failed", "parked", "running", "pending"}},
		{"## Exit codes", []string{
			strconv.Itoa(exitDone), strconv.Itoa(exitRun), strconv.Itoa(exitUsage),
			strconv.Itoa(exitNotDone), strconv.Itoa(exitInterrupted), strconv.Itoa(exitTerminated),
		}},
	}
	for _, tt := range tests {
		if got := named(tt.title); !slices.Equal(got, tt.want) {
			t.Errorf("%s: README names\n%q, the program\n%q", tt.title, got, tt.want)
		}
	}
}

// documents are what is checked for commands and flags.
func documents() []string {
	return []string{
		"README.md", "CHANGELOG.md", "examples/hundreds/README.md", "examples/hundreds/commands.sh",
		"examples/windows/README.md", "examples/windows/run.ps1", "examples/windows/run.cmd",
		fromImapsync + "README.md", examplePlan,
	}
}

const examplePlan = "examples/plan-500k/README.md"

var (
	mentionedFlag = regexp.MustCompile("(?m)(?:^|[\\s`(])(--[a-z][a-z0-9-]*)")
	shownCommand  = regexp.MustCompile("(?m)(?:^\\$ |[`])imapfleet( [^`\n>#]*)")
)

// TestDocumentsFlags looks for flags and commands that the program lacks.
func TestDocumentsFlags(t *testing.T) {
	known := map[string]bool{"--help": true, "--no-install-recommends": true}
	for _, cmd := range newRoot().Commands() {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known["--"+f.Name] = true })
	}
	for _, name := range documents() {
		text := document(t, name)
		for _, m := range mentionedFlag.FindAllStringSubmatch(text, -1) {
			_, _, isOption := rules.Lookup(m[1])
			if !known[m[1]] && !isOption && (name != fromImapsync+"README.md" || rules.Refusal(m[1]) == "") {
				t.Errorf("%s names %s, which no command has", name, m[1])
			}
		}
		for _, m := range shownCommand.FindAllStringSubmatch(text, -1) {
			cmd, rest, err := newRoot().Find(strings.Fields(m[1]))
			if err == nil && cmd.HasParent() {
				err = cmd.ParseFlags(rest)
			}
			if err != nil && !errors.Is(err, pflag.ErrHelp) {
				t.Errorf("%s shows imapfleet%s: %v", name, m[1], err)
			}
		}
	}
}

// TestExampleList loads the list of the example.
func TestExampleList(t *testing.T) {
	raw := document(t, "examples/hundreds/accounts.csv")
	list, err := account.Load(strings.NewReader(raw), account.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Pairs) != 200 || len(list.Warnings) > 0 {
		t.Errorf("%d rows, warnings %q, want 200 and none", len(list.Pairs), list.Warnings)
	}
	for _, p := range list.Pairs {
		for _, host := range []string{p.Source.Host, p.Dest.Host} {
			if !strings.HasSuffix(host, ".example.org") && !strings.HasSuffix(host, ".example.com") {
				t.Errorf("line %d: %s is no name for examples (RFC 2606)", p.Line, host)
			}
		}
	}
}

// TestExampleCommandFile: cmd loses its way between labels when lines end in
// LF alone.
func TestExampleCommandFile(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "examples", "windows", "run.cmd"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(b, []byte("\n")) != bytes.Count(b, []byte("\r\n")) {
		t.Error("run.cmd must have CRLF at the end of each line")
	}
}

// walk is the migration that README tells, on two servers in memory.
type walk struct {
	t     *testing.T
	text  string
	users []string
	list  map[bool]string // by whether it has the mistake
	old   *imaptest.Memory
	new   *imaptest.Memory
}

// TestReadmeWalk runs the commands of README's "Running it" in their order and
// compares what they say, but for numbers, with what README shows.
func TestReadmeWalk(t *testing.T) {
	w := newWalk(t)
	w.write(true)
	w.same("check accounts.csv", exitNotDone)
	w.same("run accounts.csv --parallel 3", exitNotDone)
	w.same("status accounts.csv", exitNotDone)
	w.write(false)
	w.same("run accounts.csv --failed", exitDone)
	if err := w.old.Fill(w.users[0], imaptest.Mailbox{Name: "INBOX", Messages: demoMailbox(99, "INBOX", 3).Messages}); err != nil {
		t.Fatal(err)
	}
	w.same("run accounts.csv", exitDone)
	w.user("anna", "SELECT INBOX", `UID STORE 7 +FLAGS (\Deleted)`, "UID EXPUNGE 7")
	w.user("dimitri", "SELECT INBOX", "UID COPY 4 Work", `UID STORE 4 +FLAGS (\Deleted)`, "UID EXPUNGE 4", `UID STORE 5 +FLAGS (\Answered)`)
	w.same("verify accounts.csv --deep", exitDone)
}

// user has a user's own program do something at the destination.
func (w *walk) user(name string, commands ...string) {
	w.t.Helper()
	if err := imaptest.Do(w.t.Context(), w.new.Access(name, "x"), commands...); err != nil {
		w.t.Fatal(err)
	}
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	w := &walk{t: t, text: document(t, "README.md"), list: map[bool]string{}, users: []string{"anna", "bernd", "carla", "dimitri", "elena"}}
	cert, err := imaptest.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	var servers [2]*imaptest.Memory
	for i := range servers {
		if servers[i], err = imaptest.NewMemory(imaptest.MemoryOptions{TLS: true, Certificate: cert, LiteralPlus: true}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := servers[i].Close(); err != nil {
				t.Error(err)
			}
		})
	}
	w.old, w.new = servers[0], servers[1]
	for _, wrong := range []bool{true, false} {
		w.list[wrong] = "# host1;user1;password1;host2;user2;password2;\n"
	}
	for i, u := range w.users {
		if err := errors.Join(servers[0].AddUser(u, "x"), servers[1].AddUser(u, "x"),
			servers[0].Fill(u, demoMailbox(i, "INBOX", 20), demoMailbox(i, "Sent", 5), demoMailbox(i, "Work", 5))); err != nil {
			t.Fatal(err)
		}
		for _, wrong := range []bool{true, false} {
			password := "x"
			if wrong && u == "carla" {
				password = "y"
			}
			w.list[wrong] += fmt.Sprintf("imaps://127.0.0.1:%d;%s;%s;imaps://localhost:%d;%s;x;\n", servers[0].Port(), u, password, servers[1].Port(), u)
		}
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("ca.pem", cert.CertPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *walk) write(wrong bool) {
	w.t.Helper()
	if err := os.WriteFile("accounts.csv", []byte(w.list[wrong]), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// same runs a command that README shows and compares.
func (w *walk) same(command string, code int) {
	w.t.Helper()
	args := strings.Fields(command)
	if args[0] != "status" {
		args = append(args, "--ca-file", "ca.pem")
	}
	var stdout, stderr bytes.Buffer
	if got := run(context.WithoutCancel(w.t.Context()), args, nil, &stdout, &stderr); got != code {
		w.t.Fatalf("%s: exit code %d, want %d\n%s%s", command, got, code, stdout.String(), stderr.String())
	}
	want := shape(w.sessionOf(command))
	got := shape(withoutNotes(stdout.String()))
	if begin, _, cut := strings.Cut(want, "\n..."); cut {
		want = begin
		got = got[:min(len(got), len(begin))]
	}
	if got != want {
		w.t.Errorf("%s: README has another form than the program:\n--- README\n%s\n--- program\n%s", command, want, got)
	}
}

// sessionOf is session, but "run accounts.csv" is shown twice: the list with
// the errors comes first.
func (w *walk) sessionOf(command string) string {
	w.t.Helper()
	if command != "run accounts.csv" {
		return session(w.t, w.text, "imapfleet "+command)
	}
	_, later, ok := strings.Cut(w.text, "\n**run again**")
	if !ok {
		w.t.Fatal(`README has no "run again"`)
	}
	return session(w.t, later, "imapfleet "+command)
}

// withoutNotes leaves out what check says of servers that are not those of
// README.
func withoutNotes(out string) string {
	before, after, ok := strings.Cut(out, "\nworth knowing\n")
	if !ok {
		return out
	}
	_, after, _ = strings.Cut(after, "\n\n")
	return before + "\n" + after
}

// shape is a text without what differs from run to run and from server to
// server: numbers, units, the width of columns, which account took longest.
func shape(text string) string {
	masks := []struct{ re, with string }{
		{`127\.0\.0\.1`, "old.example.org"},
		{`localhost`, "new.example.com"},
		{`(?m)(example\.\S+ +)(?:Dovecot|IMAP server ready)`, "${1}SERVER"},
		{`(Authentication failed)\.`, "$1"},
		{`line \d+, \w+`, "line N, USER"},
		{`(?m)^(time +lanes) .*%$`, "$1 SPLIT"}, // in the order of this run
		{`[\d][\d.,]*(?: (?:[KMG]i)?B\b)?s?`, "N"},
		{`(?m)  \?$`, "  N"}, // README's server tells its quota
		{` {2,}`, "  "},
		{`(?m) +$`, ""},
	}
	for _, m := range masks {
		text = regexp.MustCompile(m.re).ReplaceAllString(text, m.with)
	}
	return strings.TrimSpace(text)
}

// TestReadmeProbe holds what README shows of probe against the program, line by
// line by what they begin with: how servers compare differs.
func TestReadmeProbe(t *testing.T) {
	w := newWalk(t)
	w.write(false)
	var stdout, stderr bytes.Buffer
	args := []string{"probe", "accounts.csv", "--quiet", "--ca-file", "ca.pem", "--for", "60s", "--volume", "2MiB"}
	if code := run(context.WithoutCancel(t.Context()), args, nil, &stdout, &stderr); code != exitDone || stderr.Len() > 0 {
		t.Fatalf("exit code %d\n%s%s", code, stdout.String(), stderr.String())
	}
	label := regexp.MustCompile(`(?m)^ *(?:(source|destination|both) +\d|([a-zA-Z][a-zA-Z/]*(?: [a-z]+)*))`)
	labels := func(text string) (out []string) {
		for _, m := range label.FindAllStringSubmatch(text, -1) {
			if name := m[1] + m[2]; name != "note" && !strings.Contains(name, "lacks") && name != "COMPRESS" {
				out = append(out, name)
			}
		}
		return out
	}
	text := regexp.MustCompile(`(?ms)^the (source|destination) lacks\n.*?\n\n`).ReplaceAllString(stdout.String(), "")
	shown := regexp.MustCompile(`(?ms)^the (source|destination) lacks\n.*?\n\n`).ReplaceAllString(session(t, w.text, "imapfleet probe accounts.csv --rows 1-5 --quiet"), "")
	if got, want := labels(text), labels(shown); !slices.Equal(got, want) {
		t.Errorf("README\n%q\nthe program\n%q", want, got)
	}
}

// TestShape shows that TestReadmeWalk can fail.
func TestShape(t *testing.T) {
	same := map[string]string{
		"rows        4 done":            "rows 12 done",
		"octets      36.0 MiB copied":   "octets   0 B copied",
		"longest, 0.1s line 5, dimitri": "longest, 1.3s line 6, elena",
	}
	for _, a := range slices.Sorted(maps.Keys(same)) {
		// one blank or many: a column never shrinks to one
		if b := same[a]; strings.ReplaceAll(shape(a), "  ", " ") != strings.ReplaceAll(shape(b), "  ", " ") {
			t.Errorf("%q and %q differ", shape(a), shape(b))
		}
	}
	for _, pair := range [][2]string{{"4 done, 1 failed", "4 done, 1 parked"}, {"copied", "copied\nmailboxes"}} {
		if shape(pair[0]) == shape(pair[1]) {
			t.Errorf("%q and %q have one shape", pair[0], pair[1])
		}
	}
}
