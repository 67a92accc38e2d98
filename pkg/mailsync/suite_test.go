package mailsync_test

import (
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// TestSuite is what every pair of servers must pass: the more two servers can
// do, the more of it. A pair has the cases whose depth is not above its own.
func TestSuite(t *testing.T) {
	cases := []struct {
		name  string
		run   func(t *testing.T, r *rig)
		depth int
	}{
		{"whole account", testWhole, 0},
		{"ledger lost", testLedgerLost, 0},
		{"duplicates and messages without a name", testDuplicates, 1},
		{"flags that change between passes", testFlags, 1},
		{"stopped in the middle", testStopped, 2},
		{"first half there already", testHalfThere, 3},
		{"new mail between passes", testDelta, 3},
		{"mailbox replaced at the destination", testReplacedDest, 3},
		{"mailbox replaced at the source", testReplacedSource, 3},
		{"larger than the window", testLarge, 3},
		{"row written differently", testRenamed, 3},
	}
	for _, p := range []struct {
		name     string
		src, dst func(t *testing.T) host
		depth    int
	}{
		{"memory to memory", memoryHost, memoryHost, 3},
		{"dovecot to dovecot", dotHost, slashHost, 3},
		{"and back", slashHost, dotHost, 3},
		{"memory to dovecot", memoryHost, slashHost, 3},
		{"dovecot to memory", dotHost, memoryHost, 3},
		{"dovecot to cyrus", slashHost, cyrusHost, 2},
		{"dovecot to courier", slashHost, courierHost, 2},
		{"cyrus to dovecot", cyrusHost, dotHost, 1},
		{"courier to dovecot", courierHost, slashHost, 1},
		{"cyrus to courier", cyrusHost, courierHost, 1},
		{"courier to cyrus", courierHost, cyrusHost, 1},
		{"memory to cyrus", memoryHost, cyrusHost, 0},
		{"cyrus to memory", cyrusHost, memoryHost, 0},
		{"memory to courier", memoryHost, courierHost, 0},
		{"courier to memory", courierHost, memoryHost, 0},
	} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			src, dst := p.src(t), p.dst(t)
			for _, c := range cases {
				if c.depth <= p.depth {
					t.Run(c.name, func(t *testing.T) { c.run(t, newRig(t, src, dst)) })
				}
			}
		})
	}
}

func testWhole(t *testing.T, r *rig) {
	r.fillSource(
		imaptest.Mailbox{Name: "INBOX", Messages: mail("inbox", 90, 20000)},
		imaptest.Mailbox{Name: "Work/2024/Ümläute & Co", Subscribed: true, Messages: mail("work", 30, 3000)},
		imaptest.Mailbox{Name: "empty"},
		imaptest.Mailbox{Name: "sp ace (1)", Messages: mail("space", 3, 100)},
	)
	c := r.mustSync()
	if c.Copied != 123 || c.Listed != 123 {
		t.Errorf("first pass: %+v", c)
	}
	r.equal(true)
	c = r.mustSync()
	if c.Copied != 0 || c.AlreadyThere != 123 {
		t.Errorf("second pass copied something: %+v", c)
	}
	r.equal(true)
}

func testHalfThere(t *testing.T, r *rig) {
	all := mail("m", 120, 5000)
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: all})
	r.fillDest(imaptest.Mailbox{Name: "INBOX", Messages: append(mail("foreign", 10, 2000), all[30:80]...)})
	c := r.mustSync()
	if c.Copied != 70 || c.AlreadyThere != 50 {
		t.Errorf("first pass: %+v", c)
	}
	if c = r.mustSync(); c.Copied != 0 {
		t.Errorf("second pass: %+v", c)
	}
	r.holds("INBOX", 130)
}

func testDuplicates(t *testing.T, r *rig) {
	one := mail("same", 1, 400)[0]
	other := one
	other.Body = append([]byte(nil), one.Body...)
	other.Body[len(other.Body)-3] ^= 1 // same header, same octets, another body
	anonymous := imaptest.Message{Body: []byte("Subject: no id\r\n\r\nx\r\n"), Date: one.Date}
	box := []imaptest.Message{one, one, other, anonymous, anonymous, one, other}
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: box})
	r.fillDest(imaptest.Mailbox{Name: "INBOX", Messages: []imaptest.Message{one, other}})
	if c := r.mustSync(); c.Copied != 5 || c.AlreadyThere != 2 {
		t.Errorf("first pass: %+v", c)
	}
	r.equal(false)
	if c := r.mustSync(); c.Copied != 0 {
		t.Errorf("second pass: %+v", c)
	}
	r.equal(false)
}

func testDelta(t *testing.T, r *rig) {
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: mail("a", 20, 1000)})
	r.mustSync()
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: mail("b", 15, 1000)}, imaptest.Mailbox{Name: "new", Messages: mail("c", 5, 1000)})
	r.fillDest(imaptest.Mailbox{Name: "INBOX", Messages: mail("foreign", 4, 500)})
	if c := r.mustSync(); c.Copied != 20 || c.AlreadyThere != 20 {
		t.Errorf("second pass: %+v", c)
	}
	r.holds("INBOX", 39)
	r.holds("new", 5)
}

func testReplacedDest(t *testing.T, r *rig) {
	r.fillSource(imaptest.Mailbox{Name: "box", Messages: mail("a", 30, 1000)})
	r.mustSync()
	r.remove(r.dst, "box")
	r.fillDest(imaptest.Mailbox{Name: "box", Messages: mail("a", 30, 1000)[10:15]})
	if c := r.mustSync(); c.Copied != 25 || c.AlreadyThere != 5 {
		t.Errorf("after the mailbox was replaced: %+v", c)
	}
	r.equal(false)
}

func testReplacedSource(t *testing.T, r *rig) {
	r.fillSource(imaptest.Mailbox{Name: "box", Messages: mail("a", 30, 1000)})
	r.mustSync()
	r.remove(r.src, "box")
	r.fillSource(imaptest.Mailbox{Name: "box", Messages: append(mail("b", 2, 1000), mail("a", 30, 1000)...)})
	if c := r.mustSync(); c.Copied != 2 || c.AlreadyThere != 30 {
		t.Errorf("after the mailbox was replaced: %+v", c)
	}
	r.equal(false)
}

func testLarge(t *testing.T, r *rig) {
	r.options = small
	box := mail("m", 12, 4000)
	box[3].Body = append(box[3].Body, make0(700<<10)...)
	box[4].Body = append(box[4].Body, make0(1500<<10)...)
	box[11].Body = append(box[11].Body, make0(300<<10)...)
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: box})
	if c := r.mustSync(); c.Copied != 12 {
		t.Errorf("first pass: %+v", c)
	}
	r.equal(true)
	if c := r.mustSync(); c.Copied != 0 {
		t.Errorf("second pass: %+v", c)
	}
}

func testLedgerLost(t *testing.T, r *rig) {
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: mail("a", 60, 3000)}, imaptest.Mailbox{Name: "b", Messages: mail("b", 10, 100)})
	r.mustSync()
	r.dir = t.TempDir() + "/another"
	if c := r.mustSync(); c.Copied != 0 || c.AlreadyThere != 70 {
		t.Errorf("without the ledger: %+v", c)
	}
	r.equal(true)
}

// testRenamed: a row whose host1 is written differently is a new row, and
// finds what the old one has copied.
func testRenamed(t *testing.T, r *rig) {
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: mail("a", 25, 3000)})
	r.beside = []ledger.Entry{{Key: ledger.Key{Host1: "other", User1: "x", Dest: "other/x"}, Line: 2}}
	r.mustSync()
	r.row = "2"
	if c := r.mustSync(); c.Copied != 0 || c.AlreadyThere != 25 {
		t.Errorf("the new row: %+v", c)
	}
	r.equal(true)
}
