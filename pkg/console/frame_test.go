package console

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.Local)

func at(label, mailbox string, copied, expected int64, mib float64) throughput.Worker {
	return throughput.Worker{Snapshot: throughput.Snapshot{Label: label, Mailbox: mailbox, Copied: copied, ExpectedMessages: expected}, MiB: mib}
}

func rows(c throughput.RowCounts) throughput.Standing { return throughput.Standing{RowCounts: c} }

func sample() throughput.View {
	return throughput.View{
		Now: noon, Standing: rows(throughput.RowCounts{Done: 12, Failed: 1, Parked: 2, Pending: 181, Running: 4}),
		InOctets: true, Handled: 838860800, Expected: 5368709120, Run: throughput.Snapshot{Octets: 838860800}, Fraction: 0.15625,
		MiB: 42.31, Messages: 531.2, End: throughput.End{At: noon.Add(190 * time.Second), Rows: 187, Left: 4529848320,
			Last: throughput.Load{Line: 17, Label: "anna@new.example", Octets: 4404019200}, Alone: true},
		Busy: []throughput.Worker{
			at("anna@new.example", "INBOX/Archive", 4312, 9120, 5.2),
			at("bert@new.example", "INBOX", 0, 120, 0),
			at("小林@new.example", "收件箱/アーカイブ", 99, 100, 12.34),
			at("dora-with-a-rather-long-name@a-long-host.new.example", "", 0, 0, 0),
		},
	}
}

func TestCompose(t *testing.T) {
	byRows := sample()
	byRows.InOctets, byRows.End, byRows.Fraction = false, throughput.End{}, 0
	byRows.Incomplete = 3
	finished := sample()
	finished.Fraction, finished.Handled, finished.End, finished.Busy = 1, finished.Expected, throughput.End{}, nil
	wide := sample()
	wide.Busy = wide.Busy[:2]
	wide.Busy[0].Lanes, wide.Busy[1].Lanes = 3, 1
	together := sample()
	together.End.Alone, together.End.Guessed, together.Holds.Hosts = false, 9, []string{"old.example"}
	waiting := sample()
	waiting.Busy = waiting.Busy[:1]
	waiting.Reasons = []string{"30 rows parked until 14:05 (imap.example.com: Request\x1b is throttled)", "2 rows parked (b)", "1 row parked (c)", "1 row parked (d)"}
	tests := []struct {
		name          string
		f             throughput.View
		width, height int
		want          string
	}{
		{"80 columns", sample(), 79, 23, `
 15% [>         ]  800.0 MiB of 5.0 GiB  42.3 MiB/s  531 messages/s  ETA 3m 10s
rows 12 of 200 done, 1 failed, 2 parked, 4 running
ends about 12:03 (line 17, anna@new.example, 4.1 GiB left)
  anna@new.example          INBOX/Archive      4,312/9,120 messages  5.20 MiB/s
  bert@new.example          INBOX                    0/120 messages  0.00 MiB/s
  小林@new.example          收件箱/アーカイブ       99/100 messages  12.3 MiB/s
  dora-with-a-rather-lo...                                beginning  0.00 MiB/s`},
		{"parked rows", waiting, 79, 23, `
 15% [>         ]  800.0 MiB of 5.0 GiB  42.3 MiB/s  531 messages/s  ETA 3m 10s
rows 12 of 200 done, 1 failed, 2 parked, 4 running
ends about 12:03 (line 17, anna@new.example, 4.1 GiB left)
30 rows parked until 14:05 (imap.example.com: Request  is throttled)
2 rows parked (b)
1 row parked (c)
  anna@new.example  INBOX/Archive  4,312/9,120 messages  5.20 MiB/s`},
		{"parked rows, no room", waiting, 59, 4, `
 15% [===>                        ]  42.3 MiB/s  ETA 3m 10s
rows 12 of 200 done, 1 failed, 2 parked, 4 running
ends about 12:03 (line 17, anna@new.example, 4.1 GiB left)
30 rows parked until 14:05 (imap.example.com: Request  i...`},
		{"120 columns", sample(), 119, 23, `
 15% [=====>                                  ]  800.0 MiB of 5.0 GiB  42.3 MiB/s  531 messages/s  ETA 3m 10s
rows 12 of 200 done, 1 failed, 2 parked, 4 running
ends about 12:03 (line 17, anna@new.example, 4.1 GiB left)
  anna@new.example                                      INBOX/Archive      4,312/9,120 messages  5.20 MiB/s
  bert@new.example                                      INBOX                    0/120 messages  0.00 MiB/s
  小林@new.example                                      收件箱/アーカイブ       99/100 messages  12.3 MiB/s
  dora-with-a-rather-long-name@a-long-host.new.example                                beginning  0.00 MiB/s`},
		{"two lanes", wide, 79, 5, `
 15% [>         ]  800.0 MiB of 5.0 GiB  42.3 MiB/s  531 messages/s  ETA 3m 10s
rows 12 of 200 done, 1 failed, 2 parked, 4 running
ends about 12:03 (line 17, anna@new.example, 4.1 GiB left)
  anna@new.example  INBOX/Archive  4,312/9,120 messages  x3  5.20 MiB/s
  bert@new.example  INBOX                0/120 messages      0.00 MiB/s`},
		{"40 columns, 6 lines", sample(), 39, 6, `
 15% [>       ]  42.3 MiB/s  ETA 3m 10s
rows 12 of 200 done, 1 failed, 2 par...
ends about 12:03 (line 17, anna@new....
  anna@new.example  5.20 MiB/s
  bert@new.example  0.00 MiB/s
  ... and 2 more`},
		{"many accounts decide, and a host is paused", together, 79, 4, `
 15% [>         ]  800.0 MiB of 5.0 GiB  42.3 MiB/s  531 messages/s  ETA 3m 10s
rows 12 of 200 done, 1 failed, 2 parked, 4 running
ends about 12:03 (187 rows, 4.2 GiB left)
paused: old.example`},
		{"many accounts decide, 120 columns", together, 119, 3, `
 15% [=====>                                  ]  800.0 MiB of 5.0 GiB  42.3 MiB/s  531 messages/s  ETA 3m 10s
rows 12 of 200 done, 1 failed, 2 parked, 4 running
ends about 12:03 (187 rows, 4.2 GiB left; longest: line 17, anna@new.example, 4.1 GiB; size of 9 rows unknown)`},
		{"two lines", sample(), 79, 2, `
 15% [>         ]  800.0 MiB of 5.0 GiB  42.3 MiB/s  531 messages/s  ETA 3m 10s
rows 12 of 200 done, 1 failed, 2 parked, 4 running`},
		{"one line", sample(), 10, 1, `
15%`},
		{"no line", sample(), 79, 0, ``},
		{"rows", byRows, 79, 3, `
  0% [                          ]  800.0 MiB copied  42.3 MiB/s  531 messages/s
rows 12 of 203 done, 3 incomplete, 1 failed, 2 parked, 4 running
  ... and 4 more`},
		{"finished", finished, 79, 23, `
100% [========================]  5.0 GiB of 5.0 GiB  42.3 MiB/s  531 messages/s
rows 12 of 200 done, 1 failed, 2 parked, 4 running`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			for _, l := range compose(tt.f, tt.width, tt.height) {
				got += "\n" + l
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("frame (-want +got):\n%s\n%s", d, got)
			}
		})
	}
}

// TestComposeFits tries every size with the worst names there are.
func TestComposeFits(t *testing.T) {
	f := sample()
	f.Incomplete, f.Pending = 12345, 1234567
	nasty := []string{
		strings.Repeat("收", 300), strings.Repeat("x", 1000), "a\x1b[10000Cb\r\n\tc\u009b", "👨\u200d👩\u200d👧🇩🇪❤\ufe0f",
		"e" + strings.Repeat("\u0301", 500), "\u202e\xff\u2028", "", "ｱ",
	}
	for i, s := range nasty {
		f.Busy = append(f.Busy, at(s, nasty[len(nasty)-1-i], 1<<40, 1<<41, 1e9))
		f.Busy[len(f.Busy)-1].Lanes = 12345
	}
	for width := range 200 {
		for _, height := range []int{0, 1, 2, 3, 7, 15, 20} {
			lines := compose(f, width, height)
			if len(lines) > height {
				t.Fatalf("%d x %d: %d lines", width, height, len(lines))
			}
			for _, l := range lines {
				if w := textWidth(l); w > width {
					t.Fatalf("%d x %d: a line of %d columns: %q", width, height, w, l)
				}
				if strings.ContainsFunc(l, unicode.IsControl) {
					t.Fatalf("%d x %d: control characters in %q", width, height, l)
				}
			}
		}
	}
}

func TestWorkersThatFit(t *testing.T) {
	f := sample()
	f.Busy = nil
	for i := range 500 {
		f.Busy = append(f.Busy, at(fmt.Sprintf("user%d", i), "INBOX", 1, 2, 3))
	}
	lines := compose(f, 79, 11)
	if len(lines) != 11 || strings.TrimSpace(lines[10]) != "... and 493 more" || !strings.Contains(lines[9], "user6 ") {
		t.Errorf("lines = %q", lines)
	}
	if lines := compose(f, 79, 503); len(lines) != 503 || !strings.Contains(lines[502], "user499") {
		t.Errorf("%d lines, the last one %q", len(lines), lines[len(lines)-1])
	}
}

func TestBar(t *testing.T) {
	tests := []struct {
		fraction float64
		want     string
	}{
		{-1, "  0% [          ]"},
		{0, "  0% [          ]"},
		{0.004, "  0% [          ]"},
		{0.1, " 10% [>         ]"},
		{0.5, " 50% [====>     ]"},
		{0.9999, " 99% [========> ]"},
		{1, "100% [==========]"},
		{2, "100% [==========]"},
	}
	for _, tt := range tests {
		if got := bar(tt.fraction, 10); got != tt.want {
			t.Errorf("bar(%v) = %q, want %q", tt.fraction, got, tt.want)
		}
	}
}

func TestPlainLine(t *testing.T) {
	f := sample()
	const want = "progress 15%, 800.0 MiB of 5.0 GiB, 42.3 MiB/s, 531 messages/s, rows 12 of 200 done, 1 failed, 2 parked, 4 running, ETA 3m 10s, ends about 12:03 (line 17, anna@new.example, 4.1 GiB left)"
	if got := plainLine(f); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	f.InOctets, f.End = false, throughput.End{}
	const byRows = "progress 15%, 800.0 MiB copied, 42.3 MiB/s, 531 messages/s, rows 12 of 200 done, 1 failed, 2 parked, 4 running"
	if got := plainLine(f); got != byRows {
		t.Errorf("got  %q\nwant %q", got, byRows)
	}
}

func BenchmarkCompose(b *testing.B) {
	f := sample()
	for b.Loop() {
		compose(f, 79, 23)
	}
}
