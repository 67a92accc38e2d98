package imaptest

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var printTable = flag.Bool("table", false, "print the table of servers for README.md")

const kept = "kept"

// column is what one server does, by what is odd.
type column struct {
	title string // with the version
	cells map[string]string
}

// TestServerTable holds the table of servers in README.md against what the
// servers that are installed do with odd messages. With -table it prints the
// table as it should be.
func TestServerTable(t *testing.T) {
	columns := make([]column, len(realServers)+1)
	t.Run("measure", func(t *testing.T) {
		for i, r := range realServers {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				s := startServer(t, r.name, r.find, r.start)
				if err := s.AddUser("ann", "pw"); err != nil {
					t.Fatal(err)
				}
				title := strings.ToUpper(r.name[:1]) + r.name[1:] + " " + s.Version()
				columns[i] = column{title, measure(t, s.Access("ann", "pw"))}
			})
		}
		t.Run("memory", func(t *testing.T) {
			t.Parallel()
			m, err := NewMemory(MemoryOptions{})
			if err != nil {
				t.Fatal(err)
			}
			CloseAfter(t, m)
			if err := m.AddUser("ann", "pw"); err != nil {
				t.Fatal(err)
			}
			columns[len(realServers)] = column{"the demo's", measure(t, m.Access("ann", "pw"))}
		})
	})
	columns = slices.DeleteFunc(columns, func(c column) bool { return c.cells == nil })
	if *printTable {
		fmt.Println(markdown(columns))
	}
	said := readTable(t, "../../README.md")
	for _, c := range columns {
		want, ok := said[c.title]
		if !ok {
			t.Logf("README.md says nothing of %s", c.title)
			continue
		}
		for what, cell := range c.cells {
			if old, ok := want[what]; old != cell && (ok || cell != kept) {
				t.Errorf("%s, %s: README.md says %q, but it is %q (-table prints the table)", c.title, what, old, cell)
			}
		}
	}
}

// tableOdd are the odd messages of the table. The zero date is none, and some
// dates cannot be given to a real server.
func tableOdd() []OddMessage {
	return slices.DeleteFunc(OddMessages(), func(m OddMessage) bool {
		return m.RawDate != "" || m.Date.IsZero() || m.Name == OddLarge
	})
}

// measure stores the odd messages in a mailbox and says what became of each.
func measure(t *testing.T, a Access) map[string]string {
	t.Helper()
	odd := tableOdd()
	refused, err := FillOdd(t.Context(), a, "INBOX", odd)
	if err != nil {
		t.Fatal(err)
	}
	c, err := DumpBodies(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	left := c.Mailbox("INBOX").Messages
	if len(left)+len(refused) != len(odd) {
		t.Fatalf("%d messages are there and %d were refused, of %d", len(left), len(refused), len(odd))
	}
	cells := map[string]string{"offers": offers(t, a)}
	for _, m := range odd {
		if refused[m.Name] != "" {
			cells[m.Name] = "refused"
			continue
		}
		cells[m.Name] = became(t, m, left[0])
		left = left[1:]
	}
	return cells
}

// became says what a server has made of a message, in a few words.
func became(t *testing.T, sent OddMessage, got DumpedMessage) string {
	t.Helper()
	all, ok := Explain(sent.Body, got.Body)
	if !ok {
		t.Errorf("%s: cannot be explained: %.300q", sent.Name, got.Body)
	}
	switch {
	case got.Date.Equal(sent.Date):
	case time.Since(got.Date).Abs() < time.Hour:
		all = append(all, "becomes the time of storing")
	default:
		all = append(all, "becomes another date")
	}
	want := canonicalFlags(sent.Flags)
	lower := canonicalFlags(strings.Fields(strings.ToLower(strings.Join(want, " "))))
	switch {
	case slices.Equal(want, got.Flags):
	case slices.Equal(lower, got.Flags):
		all = append(all, "in lower case")
	default:
		t.Errorf("%s: flags %q became %q", sent.Name, want, got.Flags)
	}
	if got.Size != got.Octets {
		all = append(all, "RFC822.SIZE is wrong")
	}
	if len(all) == 0 {
		return kept
	}
	return strings.Join(all, ", ")
}

// offers says which of the extensions that matter for speed a server has.
func offers(t *testing.T, a Access) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := dialRaw(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	var has []string
	for _, c := range []string{"MULTIAPPEND", "LITERAL+", "LITERAL-", "UIDPLUS", "CONDSTORE", "SPECIAL-USE"} {
		if r.caps[c] {
			has = append(has, c)
		}
	}
	return strings.Join(has, ", ")
}

// markdown prints the table. Rows in which all servers do the same stand
// together, and what every server keeps stands in the last one.
func markdown(columns []column) string {
	names := []string{"offers"}
	for _, m := range tableOdd() {
		names = append(names, m.Name)
	}
	var rows []string // the cells of each group, as they are first seen
	groups := make(map[string][]string)
	for _, name := range names {
		var cells []string
		for _, c := range columns {
			cells = append(cells, c.cells[name])
		}
		row := strings.Join(cells, " | ")
		if groups[row] == nil {
			rows = append(rows, row)
		}
		groups[row] = append(groups[row], strings.Join(strings.Fields(name), " "))
	}
	all := strings.TrimSuffix(strings.Repeat(kept+" | ", len(columns)), " | ")
	rows = append(slices.DeleteFunc(rows, func(r string) bool { return r == all }), all)
	var b strings.Builder
	for _, c := range columns {
		fmt.Fprintf(&b, " | %s", c.title)
	}
	fmt.Fprintf(&b, " |\n|%s\n", strings.Repeat(" --- |", len(columns)+1))
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s |\n", strings.Join(groups[r], "; "), r)
	}
	return "|" + b.String()
}

// readTable reads the table back: by title, then by what is odd.
func readTable(t *testing.T, path string) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]string) // without double blanks, as Markdown shows them
	for _, m := range tableOdd() {
		names[strings.Join(strings.Fields(m.Name), " ")] = m.Name
	}
	out := make(map[string]map[string]string)
	var titles []string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		cells[0] = strings.TrimLeft(cells[0], "| ")
		last := len(cells) - 1
		cells[last] = strings.TrimSuffix(cells[last], " |")
		switch {
		case cells[0] == "" && slices.ContainsFunc(cells, func(c string) bool { return strings.HasPrefix(c, "Dovecot ") }):
			titles = cells[1:]
			for _, title := range titles {
				out[title] = make(map[string]string)
			}
		case !strings.HasPrefix(line, "|"):
			titles = nil
		case titles != nil && len(cells) == len(titles)+1:
			for name := range strings.SplitSeq(cells[0], "; ") {
				for i, title := range titles {
					out[title][cmp.Or(names[name], name)] = cells[i+1]
				}
			}
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s has no table of servers", path)
	}
	return out
}
