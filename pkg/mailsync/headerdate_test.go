package mailsync

import (
	"testing"
	"time"
)

func TestHeaderDate(t *testing.T) {
	tests := []struct{ name, head, want string }{
		{"Received before Date", "Received: from a by b\r\n\twith ESMTP; Mon, 6 May 2019 07:08:09 -0730\r\nDate: Mon, 6 May 2019 01:02:03 +0000\r\n", "2019-05-06T07:08:09-07:30"},
		{"the uppermost Received", "Received: x; 6 May 2019 07:08:09 +0000\r\nReceived: y; 5 May 2019 07:08:09 +0000\r\n", "2019-05-06T07:08:09Z"},
		{"a Received without a date", "Received: from a by b\r\nDate: 6 May 2019 01:02:03 +0100\r\n", "2019-05-06T01:02:03+01:00"},
		{"in any case, folded", "Subject: x\r\ndATE :\r\n Mon,\r\n\t6 May 2019 01:02:03 GMT\r\n", "2019-05-06T01:02:03Z"},
		{"bare LF", "Subject: x\nDate: 6 May 2019 01:02:03 +0000\n\nDate: 7 May 2019 01:02:03 +0000\n", "2019-05-06T01:02:03Z"},
		{"in the body only", "Subject: x\r\n\r\nDate: 7 May 2019 01:02:03 +0000\r\n", ""},
		{"a date that not every server holds", "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n", ""},
		{"far away", "Date: 1 Jan 2040 00:00:00 +0000\r\n", ""},
		{"none", "Subject: x\r\n\r\n", ""},
		{"no header", "\r\ntext", ""},
		{"empty", "", ""},
		{"unfinished", "Date:", ""},
	}
	for _, tt := range tests {
		got, ok := headerDate([]byte(tt.head))
		if s := show(got, ok); s != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, s, tt.want)
		}
	}
}

func show(d time.Time, ok bool) string {
	if !ok {
		return ""
	}
	return d.Format(time.RFC3339)
}

// TestParseHeaderDate: case 75, dates as programs have written them.
func TestParseHeaderDate(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Tue, 24 Aug 1997 05:06:02 +0200", "1997-08-24T05:06:02+02:00"},
		{"Tue, 24, Aug 1997 05:06:02 +0200", "1997-08-24T05:06:02+02:00"},
		{"Sun Aug 20 11:55:09 2006", "2006-08-20T11:55:09Z"},
		{"24 Aug 97 16:01:02 -0130", "1997-08-24T16:01:02-01:30"},
		{"24 Aug 07 16:01 UT", "2007-08-24T16:01:00Z"},
		{"24 Aug 107 16:01:00 GMT", "2007-08-24T16:01:00Z"},
		{"Tue, 24 Aug 1997 16.00.00", "1997-08-24T16:00:00Z"},
		{"Tue, 24 Aug 1997 16:00:00 (no zone)", "1997-08-24T16:00:00Z"},
		{"24 Aug 1997 16:00:00 EDT (Eastern (US))", "1997-08-24T16:00:00-04:00"},
		{"24 august 1997 16:00:60 +0000", "1997-08-24T16:00:59Z"},
		{"31 Feb 1997 16:00:00 +0000", ""},
		{"24 Aug 1997 25:00:00 +0000", ""},
		{"24 Aug 1997", "1997-08-24T00:00:00Z"},
		{"24 Aug 16:00:00 +0000", ""},
		{"24 Aug 1997 16:00:00 +9999", ""},
		{"never", ""},
		{"", ""},
		{"(((", ""},
	}
	for _, tt := range tests {
		got, ok := parseHeaderDate(tt.in)
		if s := show(got, ok); s != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, s, tt.want)
		}
	}
}
