package mailsync_test

import (
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// identityCases are mailboxes of one account: what is at the source, what is at
// the destination before the first pass, and how many of the source's messages
// that spares. The numbers are those of the list of conformance cases.
func identityCases() []identityCase {
	at := func(minute int, body string) imaptest.Message {
		return imaptest.Message{Date: time.Date(2021, 3, 4, 5, minute, 0, 0, time.UTC), Body: []byte(body)}
	}
	const (
		head     = "Received: by mx\r\nFrom: a@example.org\r\nDate: Thu, 4 Mar 2021 05:00:00 +0000\r\nMessage-ID: <one@example.org>\r\n"
		one      = head + "\r\none\r\n"
		two      = head + "\r\ntwo\r\n" // as many octets, the same header
		nameless = "From: a@example.org\r\nSubject: nameless\r\n\r\ntext\r\n"
		bare     = "\r\nno header at all\r\n"
	)
	received := func(m imaptest.Message) imaptest.Message {
		m.Body = append([]byte("Received: by new\r\nX-Spam: no\r\n"), m.Body...)
		return m
	}
	long := at(1, head+"\r\n"+strings.Repeat("0123456789", 2000)+"\r\n"+strings.Repeat("a line\r\n", 1750))
	list := func(m ...imaptest.Message) []imaptest.Message { return m }
	return []identityCase{
		{"45 octets", list(long, at(2, head+"\r\n8 bits \xe4\xf6\xfc\r\n")), nil, 0},
		{"46 second pass", mail("second", 4, 500), nil, 0},
		{"47 fields added", append(mail("added", 4, 500), at(3, one), at(3, two)),
			list(received(mail("added", 4, 500)[1]), received(mail("added", 4, 500)[2]), received(at(3, two))), 3},
		{"47 fields added, another date", list(at(3, one)), list(received(at(9, one))), 1},
		{"47 fields added to all of equal ones", list(at(3, one), at(3, one), at(3, one)), list(received(at(3, one)), received(at(3, one))), 2},
		{"48 no Message-ID", list(at(4, nameless), at(5, nameless), at(6, bare)), list(at(5, nameless)), 1},
		{"48 no header", list(at(4, bare), at(4, "\r\nanother one\r\n"), at(5, bare)), list(at(4, bare)), 1},
		{"49 duplicates", list(at(7, one), at(7, one), at(7, one)), list(at(7, one)), 1},
		{"49 duplicates, more at the destination", list(at(7, one), at(7, one)), list(at(7, one), at(7, one), at(7, one)), 2},
		{"50 one Message-ID, two bodies", list(at(8, one), at(8, two)), list(at(8, two)), 1},
		{"50 one Message-ID, another body there", list(at(8, one)), list(at(8, head+"\r\nthree\r\n")), 0},
		{"50 one Message-ID, another body and date there", list(at(8, one)), list(at(9, two)), 0},
		{"51 in two mailboxes, a", list(at(9, one)), nil, 0},
		{"51 in two mailboxes, b", list(at(9, one)), nil, 0},
	}
}

type identityCase struct {
	name         string
	source, dest []imaptest.Message
	there        int
}

// TestIdentity: on real servers every message arrives once, whatever is there
// before, whatever it shares with others, and with or without the ledger.
func TestIdentity(t *testing.T) {
	for _, p := range []struct {
		name     string
		src, dst func(t *testing.T) host
	}{
		{"dovecot to cyrus", dotHost, cyrusHost},
		{"cyrus to courier", cyrusHost, courierHost},
		{"courier to dovecot", courierHost, slashHost},
	} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, p.src(t), p.dst(t))
			var source, dest []imaptest.Mailbox
			listed, there := 0, 0
			for _, c := range identityCases() {
				source = append(source, imaptest.Mailbox{Name: c.name, Messages: c.source})
				dest = append(dest, imaptest.Mailbox{Name: c.name, Messages: c.dest})
				listed, there = listed+len(c.source), there+c.there
			}
			r.fillSource(source...)
			r.fillDest(dest...)
			if c := r.mustSync(); c.AlreadyThere != int64(there) || c.Copied != int64(listed-there) {
				t.Errorf("first pass: %+v, want %d of %d there", c, there, listed)
			}
			for _, dir := range []string{r.dir, t.TempDir() + "/lost"} {
				r.dir = dir
				if c := r.mustSync(); c.Copied != 0 || c.AlreadyThere != int64(listed) {
					t.Errorf("pass over %s: %+v", dir, c)
				}
			}
			now := r.dump(r.dst)
			for _, c := range identityCases() {
				m := now.Mailbox(r.dst.mailbox(c.name))
				if want := len(c.source) + len(c.dest) - c.there; m == nil || len(m.Messages) != want {
					t.Errorf("%s: %+v, want %d messages", c.name, m, want)
				}
			}
		})
	}
}
