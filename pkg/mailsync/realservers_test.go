package mailsync_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// TestCourierMaxPerIP: Courier closes a connection too many from one address
// without a word. That is the side's trouble, for now, and costs nothing once
// there is room again.
func TestCourierMaxPerIP(t *testing.T) {
	t.Parallel()
	c := imaptest.NewCourier(t, imaptest.CourierOptions{MaxPerIP: 2})
	courier := realHost(c, "courier", "INBOX.", ".")
	for _, side := range []fault.Side{fault.Source, fault.Dest} {
		r := newRig(t, courier, memoryHost(t))
		if side == fault.Dest {
			r = newRig(t, memoryHost(t), courier)
		}
		r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: mail("m", 5, 400)})
		var held []net.Conn
		for range 2 {
			nc, err := net.Dial("tcp", c.Addr())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := nc.Read(make([]byte, 1)); err != nil {
				t.Fatal(err) // it was not let in: an earlier session is not gone yet
			}
			held = append(held, nc)
		}
		r.options = impatient
		count, err := r.sync(t.Context())
		if f := fault.Of(err); f == nil || !f.Temporary || f.Side != side || !count.Balanced() {
			t.Errorf("%v: error %v, count %+v", side, err, count)
		}
		for _, nc := range held {
			nc.Close()
		}
		r.options = nil // as patient as ever: the two are gone in a moment
		if c := r.mustSync(); c.Copied != 5 {
			t.Errorf("%v: %+v", side, c)
		}
		r.equal(true)
	}
}

// TestCyrusAdmin: the admin acts as a user on both sides and sees that user's
// mailboxes, not all of them as user.X.
func TestCyrusAdmin(t *testing.T) {
	t.Parallel()
	src, dst := imaptest.NewCyrus(t), imaptest.NewCyrus(t)
	r := newRig(t, realHost(src, "cyrus", "INBOX.", "."), realHost(dst, "cyrus", "INBOX.", "."))
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: mail("a", 3, 400)},
		// A mailbox with others below it holds mail on Cyrus, and so does one
		// that is made only because something is below it.
		imaptest.Mailbox{Name: "parent", Messages: mail("b", 3, 400)},
		imaptest.Mailbox{Name: "parent/child/grandchild", Messages: mail("c", 3, 400)})
	r.rewrite = func(p *account.Pair) {
		for _, e := range []*account.Endpoint{&p.Source, &p.Dest} {
			e.AuthUser, e.Password = imaptest.CyrusAdmin, account.NewSecret(imaptest.CyrusAdminPassword)
		}
	}
	if c := r.mustSync(); c.Copied != 9 {
		t.Errorf("%+v", c)
	}
	r.equal(true)
	if c := r.mustSync(); c.Copied != 0 {
		t.Errorf("second pass: %+v", c)
	}
}

// TestCyrusKeywordLimit: a mailbox of Cyrus keeps 100 keywords; those beyond
// cost no message.
func TestCyrusKeywordLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t, slashHost(t), cyrusHost(t))
	var box []imaptest.Message
	for i, m := range mail("k", 30, 300) {
		m.Flags = nil
		for j := range 4 {
			m.Flags = append(m.Flags, fmt.Sprintf("key%03d", 4*i+j))
		}
		box = append(box, m)
	}
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: box})
	first := r.oddSync()
	now := r.bodies(r.dst)
	if int64(len(now))+first.Rejected != 30 || first.Copied != int64(len(now)) {
		t.Errorf("%d messages are there: %+v", len(now), first)
	}
	r.explained(r.bodies(r.src), now, r.repairKinds())
	keywords := map[string]bool{}
	for _, m := range now {
		for _, f := range m.Flags {
			keywords[f] = true
		}
	}
	if len(keywords) < 97 {
		t.Errorf("only %d keywords were kept", len(keywords))
	}
	if c := r.oddSync(); c.Copied != 0 || c.Rejected != first.Rejected {
		t.Errorf("second pass: %+v", c)
	}
}
