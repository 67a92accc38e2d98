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

func at(label, mailbox string, copied, expected int64, mib float64) worker {
	return worker{throughput.Snapshot{Label: label, Mailbox: mailbox, Copied: copied, ExpectedMessages: expected}, mib}
}

func rows(c throughput.RowCounts) Counts { return Counts{RowCounts: c} }

func sample() facts {
	return facts{
		counts: rows(throughput.RowCounts{Done: 12, Failed: 1, Parked: 2, Pending: 181, Running: 4}),
		octets: true, handled: 838860800, expected: 5368709120, copied: 838860800, fraction: 0.15625,
		mib: 42.31, messages: 531.2, eta: 190 * time.Second, hasETA: true,
		busy: []worker{
			at("anna@new.example", "INBOX/Archive", 4312, 9120, 5.2),
			at("bert@new.example", "INBOX", 0, 120, 0),
			at("小林@new.example", "收件箱/アーカイブ", 99, 100, 12.34),
			at("dora-with-a-rather-long-name@a-long-host.new.example", "", 0, 0, 0),
		},
	}
}

func TestCompose(t *testing.T) {
	byRows := sample()
	byRows.octets, byRows.hasETA, byRows.fraction = false, false, 0
	byRows.counts.Incomplete = 3
	finished := sample()
	finished.fraction, finished.handled, finished.hasETA, finished.busy = 1, finished.expected, false, nil
	wide := sample()
	wide.busy = wide.busy[:2]
	wide.busy[0].Lanes, wide.busy[1].Lanes = 3, 1
	waiting := sample()
	waiting.busy = waiting.busy[:1]
	waiting.counts.Waiting = []string{"30 rows parked until 14:05 (imap.example.com: Request\x1b is throttled)", "2 rows parked (b)", "1 row parked (c)", "1 row parked (d)"}
	tests := []struct {
		name          string
		f             facts
		width, height int
		want          string
	}{
		{"80 columns", sample(), 79, 23, `
 15% [>         ]  800.0 MiB of 5.0 GiB  42.3 MiB/s  531 messages/s  ETA 3m 10s
rows 12 of 200 done, 1 failed, 2 parked, 4 running
  anna@new.example          INBOX/Archive      4,312/9,120 messages  5.20 MiB/s
  bert@new.example          INBOX                    0/120 messages  0.00 MiB/s
  小林@new.example          收件箱/アーカイブ       99/100 messages  12.3 MiB/s
  dora-with-a-rather-lo...                                beginning  0.00 MiB/s`},
		{"parked rows", waiting, 79, 23, `
 15% [>         ]  800.0 MiB of 5.0 GiB  42.3 MiB/s  531 messages/s  ETA 3m 10s
rows 12 of 200 done, 1 failed, 2 parked, 4 running
30 rows parked until 14:05 (imap.example.com: Request  is throttled)
2 rows parked (b)
1 row parked (c)
  anna@new.example  INBOX/Archive  4,312/9,120 messages  5.20 MiB/s`},
		{"parked rows, no room", waiting, 59, 3, `
 15% [===>                        ]  42.3 MiB/s  ETA 3m 10s
rows 12 of 200 done, 1 failed, 2 parked, 4 running
30 rows parked until 14:05 (imap.example.com: Request  i...`},
		{"120 columns", sample(), 119, 23, `
 15% [=====>                                  ]  800.0 MiB of 5.0 GiB  42.3 MiB/s  531 messages/s  ETA 3m 10s
rows 12 of 200 done, 1 failed, 2 parked, 4 running
  anna@new.example                                      INBOX/Archive      4,312/9,120 messages  5.20 MiB/s
  bert@new.example                                      INBOX                    0/120 messages  0.00 MiB/s
  小林@new.example                                      收件箱/アーカイブ       99/100 messages  12.3 MiB/s
  dora-with-a-rather-long-name@a-long-host.new.example                                beginning  0.00 MiB/s`},
		{"two lanes", wide, 79, 4, `
 15% [>         ]  800.0 MiB of 5.0 GiB  42.3 MiB/s  531 messages/s  ETA 3m 10s
rows 12 of 200 done, 1 failed, 2 parked, 4 running
  anna@new.example  INBOX/Archive  4,312/9,120 messages  x3  5.20 MiB/s
  bert@new.example  INBOX                0/120 messages      0.00 MiB/s`},
		{"40 columns, 5 lines", sample(), 39, 5, `
 15% [>       ]  42.3 MiB/s  ETA 3m 10s
rows 12 of 200 done, 1 failed, 2 par...
  anna@new.example  5.20 MiB/s
  bert@new.example  0.00 MiB/s
  ... and 2 more`},
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
	f.counts.Incomplete, f.counts.Pending = 12345, 1234567
	nasty := []string{
		strings.Repeat("收", 300), strings.Repeat("x", 1000), "a\x1b[10000Cb\r\n\tc\u009b", "👨\u200d👩\u200d👧🇩🇪❤\ufe0f",
		"e" + strings.Repeat("\u0301", 500), "\u202e\xff\u2028", "", "ｱ",
	}
	for i, s := range nasty {
		f.busy = append(f.busy, at(s, nasty[len(nasty)-1-i], 1<<40, 1<<41, 1e9))
		f.busy[len(f.busy)-1].Lanes = 12345
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
	f.busy = nil
	for i := range 500 {
		f.busy = append(f.busy, at(fmt.Sprintf("user%d", i), "INBOX", 1, 2, 3))
	}
	lines := compose(f, 79, 10)
	if len(lines) != 10 || strings.TrimSpace(lines[9]) != "... and 493 more" || !strings.Contains(lines[8], "user6 ") {
		t.Errorf("lines = %q", lines)
	}
	if lines := compose(f, 79, 502); len(lines) != 502 || !strings.Contains(lines[501], "user499") {
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
	const want = "progress 15%, 800.0 MiB of 5.0 GiB, 42.3 MiB/s, 531 messages/s, rows 12 of 200 done, 1 failed, 2 parked, 4 running, ETA 3m 10s"
	if got := plainLine(f); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	f.octets, f.hasETA = false, false
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
