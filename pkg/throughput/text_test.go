package throughput

import (
	"strings"
	"testing"
	"time"
)

const mixedText = `3 of 7 rows are done in 12m 40s; not done: 1 incomplete, 2 failed, 1 pending.

rows        3 done, 1 incomplete, 2 failed, 0 parked, 1 pending
messages    15,255 listed: 12,748 copied, 2,500 already there, 7 not tried
octets      1.2 GiB copied, 7.0 KiB not tried
flags       1,001 updated
mailboxes   14, 1 refused
wall time   12m 40s
throughput  1.62 MiB/s, 16.8 messages/s

per account                     min     median        p95        max
  MiB/s                        1.25       1.44       1.64       1.64
  messages/s                   16.5       58.2        100        100
  time                         0.5s       4.0s    12m 30s    12m 30s

longest accounts
     12m 30s     1.2 GiB     12,345 messages     1.64 MiB/s   line 2, user2
        4.0s     5.0 MiB        400 messages     1.25 MiB/s   line 3, user3
        1.0s     3.0 KiB          3 messages     0.00 MiB/s   line 7, user7 -> other
        0.5s         0 B          0 messages     0.00 MiB/s   line 4, user4

not done, by cause
  source, auth-refused: 2 rows (lines 5-6)
    said: NO [AUTHENTICATIONFAILED] Authentication failed.
    to do: check user name and password of this row
  destination, quota: 1 row (line 7)
    said: NO [OVERQUOTA] Quota exceeded
    to do: the destination mailbox is full: raise its quota
`

func mixedResults() []Result {
	mixed := []Result{
		done(2, 12345, 1288490189, 750*time.Second),
		done(3, 400, 5<<20, 4*time.Second),
		done(4, 0, 0, 500*time.Millisecond),
		failed(5, Failed, "source", "auth-refused", "NO [AUTHENTICATIONFAILED] Authentication failed.", "check user name and password of this row"),
		failed(6, Failed, "source", "auth-refused", "NO [AUTHENTICATIONFAILED] Authentication failed.", "check user name and password of this row"),
		failed(7, Incomplete, "destination", "quota", "NO [OVERQUOTA] Quota exceeded", "the destination mailbox is full: raise its quota"),
		{Line: 8},
	}
	mixed[2].Count.Listed, mixed[2].Count.AlreadyThere, mixed[2].Count.FlagsUpdated = 2500, 2500, 1001
	mixed[5].Count = Count{Listed: 10, Copied: 3, NotTried: 7, Octets: 3 << 10, OctetsNotTried: 7 << 10, Mailboxes: 4, MailboxesRefused: 1}
	mixed[5].User2 = "other"
	return mixed
}

func split(mailboxes int64) Result {
	r := done(2, 1, 10, time.Second)
	r.Count.MailboxesSplit = mailboxes
	return r
}

func TestWriteText(t *testing.T) {
	tests := []struct {
		name string
		s    Summary
		want string
	}{
		{"mixed", Summarize(mixedResults(), 760*time.Second), mixedText},
		{"one row", Summarize([]Result{done(2, 1, 10, time.Second)}, time.Second), `1 row of 1 is done in 1.0s.

rows        1 done, 0 incomplete, 0 failed, 0 parked, 0 pending
messages    1 listed: 1 copied, 0 already there
octets      10 B copied
mailboxes   2
wall time   1.0s
throughput  0.00 MiB/s, 1.00 messages/s
`},
		{"no run, and a count that is wrong", Summarize([]Result{{Line: 2, State: Failed, Count: Count{Listed: 3, Copied: 1}}}, 0),
			`No row of 1 is done; not done: 1 failed.

rows        0 done, 0 incomplete, 1 failed, 0 parked, 0 pending
messages    3 listed: 1 copied, 0 already there
            these do not add up to what was listed: 2 differ; please report it
octets      0 B copied
mailboxes   0

not done, by cause
  unknown: 1 row (line 2)
`},
		{"during the run", Summarize([]Result{done(2, 3, 4, time.Second), {Line: 3, State: Running, Count: Count{Listed: 3, Copied: 1}}}, 0),
			`1 of 2 rows is done; not done: 1 running.

rows        1 done, 0 incomplete, 0 failed, 0 parked, 0 pending, 1 running
messages    6 listed: 4 copied, 0 already there
octets      4 B copied
mailboxes   2
`},
		{"a split mailbox", Summarize([]Result{split(1)}, 0), `1 row of 1 is done.

rows        1 done, 0 incomplete, 0 failed, 0 parked, 0 pending
messages    1 listed: 1 copied, 0 already there
octets      10 B copied
mailboxes   2
            1 mailbox was split over several lanes; the order of its messages differs
`},
		{"split mailboxes", Summarize([]Result{split(1200)}, 0), `1 row of 1 is done.

rows        1 done, 0 incomplete, 0 failed, 0 parked, 0 pending
messages    1 listed: 1 copied, 0 already there
octets      10 B copied
mailboxes   2
            1,200 mailboxes were split over several lanes; the order of their messages differs
`},
		{"nothing", Summarize(nil, 0), "No row was selected: nothing to do.\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := tt.s.WriteText(&b); err != nil {
				t.Fatal(err)
			}
			diff(t, "text", b.String(), tt.want)
		})
	}
}

// TestWriteTextIsClean: what servers and lists say reaches the terminal.
func TestWriteTextIsClean(t *testing.T) {
	r := failed(2, Failed, "source\x1b", "x\x07", "a\x1b[2Jb\nc", "d\u202ee\u009b")
	a, b := done(3, 1, 1, 2), done(4, 1, 1, 2)
	a.User1, b.User2 = "x\x1b[0m", "\u0085"
	var out strings.Builder
	if err := Summarize([]Result{r, a, b}, 1).WriteText(&out); err != nil {
		t.Fatal(err)
	}
	for _, c := range out.String() {
		if c < ' ' && c != '\n' || c >= 0x7f && c < 0xa0 || c == '\u202e' {
			t.Errorf("%U reaches the terminal", c)
		}
	}
}

func TestShorten(t *testing.T) {
	if got := shorten("3,7-9"); got != "3,7-9" {
		t.Errorf("short list = %q", got)
	}
	long := strings.Repeat("1234,", 100)
	got := shorten(long)
	if len(got) > 124 || !strings.HasSuffix(got, "1234 ...") {
		t.Errorf("long list = %q", got)
	}
}

// What rules left out, and what became of mail that is gone at the source, is
// said where there is any.
func TestTextOfRulesAndDeletions(t *testing.T) {
	r := done(2, 10, 100, time.Second)
	r.Count.Listed, r.Count.Filtered, r.Count.AlreadyThere = 1249, 1234, 5
	r.Count.FilteredDate, r.Count.FilteredSize, r.Count.FilteredSearch, r.Count.FilteredDuplicate = 1000, 200, 30, 4
	r.Count.GoneKept, r.Count.Deleted, r.Count.Moved = 6, 7, 5
	var b strings.Builder
	if err := Summarize([]Result{r}, time.Second).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	const want = `messages    1,249 listed: 10 copied, 5 already there, 1,234 filtered
filtered    1,000 by date, 200 by size, 30 by --search, 4 as duplicates
gone since  6 kept at the destination, 7 deleted there too
moved       5 at the destination, as at the source
octets `
	if !strings.Contains(b.String(), want) {
		t.Errorf("text:\n%s\nwant in it:\n%s", b.String(), want)
	}
}
