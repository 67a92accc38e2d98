package throughput

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
	"testing"
	"time"
)

func record(t *testing.T, write func(w *bytes.Buffer) error) [][]string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(strings.NewReader(b.String()))
	r.Comma = ';'
	records, err := r.ReadAll()
	if err != nil {
		t.Fatalf("unreadable: %v\n%s", err, b.String())
	}
	if lines := strings.Count(b.String(), "\n"); lines != len(records) {
		t.Errorf("%d physical lines for %d records", lines, len(records))
	}
	return records
}

func sampleResults() []Result {
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return []Result{
		{Line: 2, Host1: "old", User1: "anna", Host2: "new", User2: "anna", State: Done,
			Count: Count{Listed: 100, Copied: 90, AlreadyThere: 10, Octets: 2 << 20, SourceOctets: 3 << 20, Mailboxes: 3, MailboxesSplit: 1, FlagsUpdated: 7,
				FilteredDate: 11, FilteredSize: 12, FilteredSearch: 13, FilteredDuplicate: 14, Accepted: 15, Repaired: 16,
				GoneKept: 17, Deleted: 18, Moved: 19, MailboxesFiltered: 20},
			Start: start, Elapsed: 2500 * time.Millisecond, Attempts: 1,
			LaneTime: 3600 * time.Millisecond, Spent: spentInOrder(), SourceParked: 9 * time.Second, DestParked: 10 * time.Second},
		{Line: 3, Host1: "old", User1: "bert", Host2: "new", User2: "bert2", State: Failed, Attempts: 2,
			Start: start, Elapsed: time.Second,
			Fault: &Fault{Side: "source", Scope: "account", Code: "auth-refused", Op: "login",
				Text: "NO [AUTHENTICATIONFAILED] \"no\";\r\nreally\x1b[31m", Hint: "check the password"}},
		{Line: 5, Host1: "old", User1: "cara", Host2: "new", User2: "cara", State: Parked, Attempts: 1,
			ParkedUntil: start.Add(time.Hour),
			Fault:       &Fault{Side: "destination", Scope: "host", Code: "throttled", Text: "later", Temporary: true}},
		{Line: 6, Host1: "old", User1: "dora", Host2: "new", User2: "dora"},
	}
}

// spentInOrder is 0.1 s on the first activity, 0.2 s on the second, and so on.
func spentInOrder() (s Spent) {
	for a := range s {
		s[a] = time.Duration(a+1) * 100 * time.Millisecond
	}
	return s
}

func TestWriteResults(t *testing.T) {
	got := record(t, func(w *bytes.Buffer) error { return WriteResults(w, sampleResults()) })
	diff(t, "results.csv", got, [][]string{
		strings.Split("line;host1;user1;host2;user2;state;listed;copied;already_there;filtered;rejected;gone;not_tried;"+
			"octets;octets_not_tried;source_octets;mailboxes;mailboxes_refused;started;seconds;messages_per_second;mib_per_second;"+
			"attempts;parked_until;side;scope;code;operation;mailbox;text;hint;mailboxes_split;flags_updated;"+
			"filtered_date;filtered_size;filtered_search;filtered_duplicate;accepted;repaired;gone_kept;deleted;moved;mailboxes_filtered;"+
			"lane_seconds;local_seconds;source_wait_seconds;destination_wait_seconds;source_throttled_seconds;destination_throttled_seconds;"+
			"source_limit_seconds;destination_limit_seconds;ledger_seconds;source_parked_seconds;destination_parked_seconds", ";"),
		{"2", "old", "anna", "new", "anna", "done", "100", "90", "10", "0", "0", "0", "0", "2097152", "0", "3145728", "3", "0",
			"2026-11-23T12:00:00Z", "2.500", "36.000", "0.800", "1", "", "", "", "", "", "", "", "", "1", "7",
			"11", "12", "13", "14", "15", "16", "17", "18", "19", "20",
			"3.600", "0.100", "0.200", "0.300", "0.400", "0.500", "0.600", "0.700", "0.800", "9.000", "10.000"},
		{"3", "old", "bert", "new", "bert2", "failed", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0",
			"2026-11-23T12:00:00Z", "1.000", "0.000", "0.000", "2", "", "source", "account", "auth-refused", "login", "",
			`NO [AUTHENTICATIONFAILED] "no";  really [31m`, "check the password", "0", "0",
			"0", "0", "0", "0", "0", "0", "0", "0", "0", "0",
			"0.000", "0.000", "0.000", "0.000", "0.000", "0.000", "0.000", "0.000", "0.000", "0.000", "0.000"},
		{"5", "old", "cara", "new", "cara", "parked", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0",
			"", "0.000", "0.000", "0.000", "1", "2026-11-23T13:00:00Z", "destination", "host", "throttled", "", "", "later", "", "0", "0",
			"0", "0", "0", "0", "0", "0", "0", "0", "0", "0",
			"0.000", "0.000", "0.000", "0.000", "0.000", "0.000", "0.000", "0.000", "0.000", "0.000", "0.000"},
		{"6", "old", "dora", "new", "dora", "pending", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0",
			"", "0.000", "0.000", "0.000", "0", "", "", "", "", "", "", "", "", "0", "0",
			"0", "0", "0", "0", "0", "0", "0", "0", "0", "0",
			"0.000", "0.000", "0.000", "0.000", "0.000", "0.000", "0.000", "0.000", "0.000", "0.000", "0.000"},
	})
}

func TestWriteFailed(t *testing.T) {
	got := record(t, func(w *bytes.Buffer) error { return WriteFailed(w, sampleResults()) })
	var states []string
	for _, r := range got {
		states = append(states, r[0]+" "+r[5])
	}
	diff(t, "failed.csv", states, []string{"line state", "3 failed", "5 parked", "6 pending"})
}

func TestWriteRejects(t *testing.T) {
	got := record(t, func(w *bytes.Buffer) error {
		return WriteRejects(w, []Reject{
			{Line: 7, Mailbox: "A;B\u2028\u202e\n\"C\"", UID: 4294967295, MessageID: "<x@y>", Octets: 12,
				Date: time.Date(2001, 2, 3, 4, 5, 6, 0, time.FixedZone("", 5400)), Code: "too-big", Text: "NO\ttoo \xff big", Accepted: true},
			{Line: 8, Mailbox: "\u0645\u06cc\u200c\u062e", UID: 1, Octets: -1},
		})
	})
	diff(t, "rejects.csv", got, [][]string{
		{"line", "mailbox", "uid", "message_id", "octets", "date", "code", "text", "accepted"},
		{"7", `A;B   "C"`, "4294967295", "<x@y>", "12", "2001-02-03T04:05:06+01:30", "too-big", "NO too   big", "yes"},
		{"8", "\u0645\u06cc\u200c\u062e", "1", "", "", "", "", "", ""},
	})
}

func TestWriteRepairs(t *testing.T) {
	got := record(t, func(w *bytes.Buffer) error {
		return WriteRepairs(w, func(take func(Repair)) error {
			take(Repair{Line: 7, Mailbox: "a/b", UID: 3, Kind: "keywords", From: "x]", To: ""})
			take(Repair{Line: 8, Mailbox: "c", Kind: "name", From: "c", To: "c (2)"})
			return nil
		})
	})
	diff(t, "repairs.csv", got, [][]string{
		{"line", "mailbox", "uid", "repair", "from", "to"},
		{"7", "a/b", "3", "keywords", "x]", ""},
		{"8", "c", "", "name", "c", "c (2)"},
	})
}

func TestWriteEmpty(t *testing.T) {
	for name, write := range map[string]func(w *bytes.Buffer) error{
		"results": func(w *bytes.Buffer) error { return WriteResults(w, nil) },
		"failed":  func(w *bytes.Buffer) error { return WriteFailed(w, nil) },
		"rejects": func(w *bytes.Buffer) error { return WriteRejects(w, nil) },
		"repairs": func(w *bytes.Buffer) error { return WriteRepairs(w, func(func(Repair)) error { return nil }) },
	} {
		t.Run(name, func(t *testing.T) {
			if got := record(t, write); len(got) != 1 || got[0][0] != "line" {
				t.Errorf("got %q, want the header alone", got)
			}
		})
	}
}

type fullDisk struct{}

var errFull = errors.New("no space left on device")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrors(t *testing.T) {
	if err := WriteResults(fullDisk{}, sampleResults()); !errors.Is(err, errFull) {
		t.Errorf("WriteResults = %v, want %v", err, errFull)
	}
	if err := Summarize(sampleResults(), time.Second).WriteText(fullDisk{}); !errors.Is(err, errFull) {
		t.Errorf("WriteText = %v, want %v", err, errFull)
	}
	if err := NewEncoder(fullDisk{}).Encode(Event{}); !errors.Is(err, errFull) {
		t.Errorf("Encode = %v, want %v", err, errFull)
	}
}

// FuzzOneLine: no field, whatever a server put into it, may make a second
// record or bring a control character.
func FuzzOneLine(f *testing.F) {
	f.Add("a;\"b\r\nc", "NO \x1b]0;title\x07")
	f.Add("\u2028\u2029\x85\u202e", "\xff\xfe")
	f.Fuzz(func(t *testing.T, mailbox, text string) {
		got := record(t, func(w *bytes.Buffer) error {
			return WriteRejects(w, []Reject{{Mailbox: mailbox, Text: text}})
		})
		if len(got) != 2 || len(got[1]) != 9 {
			t.Fatalf("got %q, want a header and one record", got)
		}
		for _, r := range got[1][1] + got[1][7] {
			if r < ' ' || r >= 0x7f && r < 0xa0 {
				t.Errorf("control character %U kept", r)
			}
		}
	})
}
