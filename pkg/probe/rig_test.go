package probe

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

const secret = "p4ss-that-nobody-may-see"

// endpoint is how to reach an account, through via unless that is "".
func endpoint(t *testing.T, a imaptest.Access, via string) account.Endpoint {
	t.Helper()
	addr := a.Addr
	if via != "" {
		addr = via
	}
	h, p, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(p)
	if err != nil {
		t.Fatal(err)
	}
	return account.Endpoint{Host: h, Port: port, Security: account.SecurityPlain, User: a.User, Password: account.NewSecret(a.Password)}
}

func pairOf(t *testing.T, line int, src, dst imaptest.Access) account.Pair {
	t.Helper()
	return account.Pair{Line: line, Source: endpoint(t, src, ""), Dest: endpoint(t, dst, "")}
}

// rig is two servers with some accounts.
type rig struct {
	t        *testing.T
	src, dst server
	users    []string
	before   [2][]*imaptest.Contents
}

type server interface {
	AddUser(name, password string) error
	Access(user, password string) imaptest.Access
}

func memoryServer(t *testing.T) *imaptest.Memory {
	t.Helper()
	m, err := imaptest.NewMemory(imaptest.MemoryOptions{LiteralPlus: true})
	if err != nil {
		t.Fatal(err)
	}
	imaptest.CloseAfter(t, m)
	return m
}

// mail is n messages of the usual sizes.
func mail(seed uint64, name string, n int) imaptest.Mailbox {
	spec := imaptest.RealSpec()
	spec.Max, spec.NoHeader, spec.Commands = 100<<10, 0, 0
	return imaptest.NewGenerator(seed, spec).Mailbox(name, n)
}

func newRig(t *testing.T, src, dst server, users ...string) *rig {
	t.Helper()
	r := &rig{t: t, src: src, dst: dst, users: users}
	for i, u := range users {
		for _, s := range []server{src, dst} {
			if err := s.AddUser(u, secret); err != nil {
				t.Fatal(err)
			}
		}
		r.fill(src, u, mail(uint64(i), "INBOX", 40), mail(uint64(i)+100, "Work", 20))
		r.fill(dst, u, mail(uint64(i)+200, "INBOX", 3))
	}
	r.before = r.contents()
	return r
}

func (r *rig) fill(s server, user string, boxes ...imaptest.Mailbox) {
	r.t.Helper()
	for _, b := range boxes {
		if m, ok := s.(*imaptest.Memory); ok {
			if err := m.Fill(user, b); err != nil {
				r.t.Fatal(err)
			}
			continue
		}
		if err := imaptest.Fill(r.t.Context(), s.Access(user, secret), b); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) contents() (out [2][]*imaptest.Contents) {
	r.t.Helper()
	for i, s := range []server{r.src, r.dst} {
		for _, u := range r.users {
			c, err := imaptest.Dump(context.WithoutCancel(r.t.Context()), s.Access(u, secret))
			if err != nil {
				r.t.Fatal(err)
			}
			out[i] = append(out[i], c)
		}
	}
	return out
}

// untouched fails the test where an account is not as it was.
func (r *rig) untouched() {
	r.t.Helper()
	after := r.contents()
	for i, all := range r.before {
		for k, was := range all {
			is := after[i][k]
			if d := imaptest.Diff(was, is, imaptest.DiffOptions{}); len(d) > 0 {
				r.t.Errorf("side %d, %s: %s", i+1, r.users[k], strings.Join(d, "\n"))
			}
			if a, b := describe(was), describe(is); a != b {
				r.t.Errorf("side %d, %s: before\n%safter\n%s", i+1, r.users[k], a, b)
			}
		}
	}
}

// describe is what of an account a probe must not change, a line a mailbox.
func describe(c *imaptest.Contents) string {
	var b strings.Builder
	for _, m := range c.Mailboxes {
		fmt.Fprintf(&b, "%s subscribed %v, validity %d:", m.Name, m.Subscribed, m.UIDValidity)
		for _, msg := range m.Messages {
			fmt.Fprintf(&b, " %d%v", msg.UID, msg.Flags)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (r *rig) pairs(via ...string) (out []account.Pair) {
	for i, u := range r.users {
		p := pairOf(r.t, i+2, r.src.Access(u, secret), r.dst.Access(u, secret))
		if len(via) == 2 {
			p.Source, p.Dest = endpoint(r.t, r.src.Access(u, secret), via[0]), endpoint(r.t, r.dst.Access(u, secret), via[1])
		}
		out = append(out, p)
	}
	return out
}

// quick is a probe that ends by its volume, soon.
func quick(pairs []account.Pair) Options {
	return Options{Pairs: pairs, For: time.Minute, Volume: 2 << 20, Lanes: 4, LookEvery: 50 * time.Millisecond,
		RemoveFor: 20 * time.Second, Timeout: 5 * time.Second, FinalTimeout: 5 * time.Second}
}
