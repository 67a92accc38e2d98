package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// TestParseAccepted: what spreadsheets make of a rejects.csv reads as the same
// records; what is no such file is said with its line.
func TestParseAccepted(t *testing.T) {
	plain := "line;mailbox;uid;message_id;octets;date;code;text;accepted\n7;Entwürfe;41;<a@b>;12;2026-05-06T07:08:09+02:00;too-big;no;\n8;a;5;;;;x;y;yes\n"
	date := time.Date(2026, 5, 6, 5, 8, 9, 0, time.UTC)
	want := []acceptance{{2, 7, "Entwürfe", 41, "<a@b>", 12, date}, {3, 8, "a", 5, "", -1, time.Time{}}}
	utf16 := func(s string, order ...int) string {
		b := []byte{}
		for _, r := range "\ufeff" + s {
			pair := []byte{byte(r), byte(r >> 8)}
			b = append(b, pair[order[0]], pair[order[1]])
		}
		return string(b)
	}
	crlf := strings.ReplaceAll(plain, "\n", "\r\n")
	for name, text := range map[string]string{
		"as written":           plain,
		"BOM and CRLF":         "\ufeff" + crlf,
		"commas":               strings.ReplaceAll(plain, ";", ","),
		"tabs in UTF-16":       utf16(strings.ReplaceAll(plain, ";", "\t"), 0, 1),
		"UTF-16, big-endian":   utf16(crlf, 1, 0),
		"Windows-1252":         strings.ReplaceAll(plain, "ü", "\xfc"),
		"other columns":        "UID;mark;Message_ID; Mailbox ;LINE;date;octets\n41;x;<a@b>;Entwürfe;7;2026-05-06T05:08:09Z;12\n5;;;a;8;6.5.26 7:08;1.2E+05\n",
		"cells quoted, padded": "\"line\";\"mailbox\";\"uid\";\"message_id\";\"octets\";\"date\"\n\"7\";\"Entwürfe\"; 41 ;<a@b>; 12 ;\"2026-05-06T07:08:09+02:00\"\n8;a;5",
		"empty rows":           strings.Replace(plain, "8;a", "8;a", 1) + ";;;;;;;;\n\n",
	} {
		got, err := parseAccepted([]byte(text))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for name, tt := range map[string]struct{ text, err string }{
		"empty":       {"", "no header line"},
		"no header":   {"7;Entwürfe;41\n", "no header line"},
		"no mailbox":  {"line;uid\n7;41\n", "no header line"},
		"a UID lost":  {"line;mailbox;uid\n7;a;4.1E+05\n", `line 2: column uid: "4.1E+05" is no UID`},
		"line 0":      {"line;mailbox;uid\n1;a;2\n0;a;1\n", `line 3: column line: "0" is no line`},
		"short":       {"line;mailbox;uid\n1;a\n", `line 2: column uid: "" is no UID`},
		"no name":     {"line;mailbox;uid\n1;;3\n", "line 2: column mailbox"},
		"a long list": {"line;mailbox;uid\n" + strings.Repeat("x;a;1\n", 50), "there may be more"},
	} {
		if got, err := parseAccepted([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// TestAcceptanceFits: a record is about a message if nothing that both say of it
// differs.
func TestAcceptanceFits(t *testing.T) {
	date := time.Date(2026, 5, 6, 7, 8, 9, 0, time.FixedZone("", 7200))
	reject := throughput.Reject{MessageID: "<a@b>", Octets: 12, Date: date}
	unknown := throughput.Reject{Octets: -1}
	full := acceptance{messageID: "<a@b>", octets: 12, date: date.UTC()}
	with := func(change func(*acceptance)) acceptance {
		a := full
		change(&a)
		return a
	}
	for name, tt := range map[string]struct {
		a    acceptance
		r    throughput.Reject
		fits bool
	}{
		"all of it":          {full, reject, true},
		"nothing said":       {acceptance{octets: -1}, reject, true},
		"nothing known":      {acceptance{octets: 12, date: date.UTC()}, unknown, true},
		"another Message-ID": {with(func(a *acceptance) { a.messageID = "<c@d>" }), reject, false},
		"other octets":       {with(func(a *acceptance) { a.octets = 13 }), reject, false},
		"no octets":          {with(func(a *acceptance) { a.octets = 0 }), reject, false},
		"another date":       {with(func(a *acceptance) { a.date = date.Add(time.Second).UTC() }), reject, false},
		"octets alone":       {acceptance{octets: 13}, throughput.Reject{Octets: 12}, false},
		"date alone":         {acceptance{octets: -1, date: date.Add(time.Hour).UTC()}, throughput.Reject{Octets: 12, Date: date}, false},
	} {
		if got := tt.a.fits(tt.r); got != tt.fits {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzParseAccepted(f *testing.F) {
	f.Add([]byte("line;mailbox;uid;message_id\n7;Entw\xfcrfe;41;<a@b>\n"))
	f.Add([]byte("\ufeffuid,line,mailbox\r\n\"4\",1,\"a,b\"\r\n"))
	f.Add([]byte("\xff\xfel\x00i\x00n\x00e\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := parseAccepted(raw)
		for _, a := range got {
			if err == nil && (a.line < 1 || a.uid == 0 || a.mailbox == "") {
				t.Errorf("%+v", a)
			}
		}
	})
}
