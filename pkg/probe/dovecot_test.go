package probe

import (
	"testing"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// Between two Dovecots, one with TLS and the other with a limit of connections,
// which it tells.
func TestDovecot(t *testing.T) {
	dst := imaptest.NewDovecot(t, imaptest.DovecotOptions{MaxConns: 3, Prefix: "INBOX.", Separator: ".", Quota: "20M"})
	src := imaptest.NewDovecotSlash(t)
	r := newRig(t, src, dst, "anna")
	o := quick(r.pairs())
	o.Lanes = 8
	s := &o.Pairs[0].Source
	s.Port, s.Security, s.SkipVerify = src.TLSPort(), account.SecurityTLS, true
	rep, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	// Dovecot may let one in too many that comes at the same time as another.
	if len(rep.Source) != 4 || len(rep.Dest) != 3 || len(rep.Both) != 3 || rep.Dest[2].Lanes > 4 || rep.Server2.MaxPerUser != 3 {
		t.Errorf("%+v", rep)
	}
	if rep.Server1.Security != "TLS 1.3" || rep.Server1.TLS <= 0 || rep.Server2.Security != "plain" || rep.RoundTrip1 <= 0 || rep.Logins2 <= 0 {
		t.Errorf("%+v\n%+v", rep.Server1, rep.Server2)
	}
	if n := rep.Dest[2].Lanes; rep.Mailboxes.Made != n || rep.Mailboxes.Removed != n || rep.Mix.Messages != 60 {
		t.Errorf("%+v, %+v", rep.Mailboxes, rep.Mix)
	}
	r.untouched()
}
