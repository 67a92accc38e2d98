package mailsync

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

func TestGaps(t *testing.T) {
	for _, tt := range []struct {
		name string
		runs []ledger.Run
		next uint32
		want []imapconn.Range
	}{
		{"nothing is mapped", nil, 6, []imapconn.Range{{First: 1, Last: 5}}},
		{"all is", []ledger.Run{{Source: 1, Count: 5}}, 6, nil},
		{"before, between and after", []ledger.Run{{Source: 3, Count: 2}, {Source: 5, Count: 1}, {Source: 8, Count: 2}}, 12, []imapconn.Range{{First: 1, Last: 2}, {First: 6, Last: 7}, {First: 10, Last: 11}}},
		{"more than there is", []ledger.Run{{Source: 3, Count: 9}, {Source: 20, Count: 1}}, 6, []imapconn.Range{{First: 1, Last: 2}}},
		{"the last UID of all", []ledger.Run{{Source: 2, Count: 4294967294}}, 4294967295, []imapconn.Range{{First: 1, Last: 1}}},
	} {
		if d := cmp.Diff(tt.want, gaps(tt.runs, tt.next)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

// A server may mix the answers to two FETCHes in flight: whichever handler gets
// a response must not lose what the other one waits for.
func TestListingHandlerTakesBoth(t *testing.T) {
	day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	l := &listing{flags: &changes{base: &ledger.Baseline{}}, chosen: &selection{rules: rules.Messages{Since: day}}}
	for _, h := range []imapconn.FetchHandler{l.handler(), l.handler()} {
		for uid := uint32(1); uid <= 2; uid++ {
			_ = h.Message(&imapconn.Message{UID: uid, Size: -1, HasFlags: true, Flags: []string{`\Seen`}})
			_ = h.Message(&imapconn.Message{UID: uid, Size: -1, HasDate: true, Date: day.AddDate(0, 0, -int(uid-1))})
		}
	}
	if d := cmp.Diff([]uint32{1, 2}, l.flags.sorted()); d != "" {
		t.Errorf("flags (-want +got):\n%s", d)
	}
	left := map[uint32]fate{}
	l.chosen.leftOut([]uint32{1, 2, 3}, func(uid uint32, f fate) { left[uid] = f })
	if d := cmp.Diff(map[uint32]fate{2: filteredDate}, left); d != "" {
		t.Errorf("left out (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]uint32{3}, l.chosen.missing([]uint32{1, 2, 3})); d != "" {
		t.Errorf("missing (-want +got):\n%s", d)
	}
}

// Case 75: a Date header field that makes no sense, or has no zone, is none.
func TestSentDate(t *testing.T) {
	for header, want := range map[string]string{
		"Date: Mon, 1 Jan 2024 01:02:03 +0200\r\n\r\n":   "2024-01-01T01:02:03+02:00",
		"DATE:Mon,\r\n 1 Jan 2024 01:02:03 +0000\r\n":    "2024-01-01T01:02:03Z",
		"date: 1 Jan 24 01:02:03 GMT\r\n\r\n":            "2024-01-01T01:02:03Z",
		"Date: Mon, 1 Jan 2024 01:02:03 +0200 (EET)\r\n": "2024-01-01T01:02:03+02:00",
		"Date: Tue, 24, Aug 1997 05:06:02 +0200\r\n\r\n": "",
		"Date: Sun Aug 20 11:55:09 2006\r\n\r\n":         "",
		"Date: Sun, 20 Aug 2006 16.00.00 +0000\r\n\r\n":  "",
		"\r\n":                        "",
		"":                            "",
		"no header at all\r\n":        "",
		strings.Repeat("x", 70000):    "",
		"Date: \x00\xff\r\nDate:\r\n": "",
	} {
		got := ""
		if sent := sentDate([]byte(header)); !sent.IsZero() {
			got = sent.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%.60q: %q, want %q", header, got, want)
		}
	}
}
