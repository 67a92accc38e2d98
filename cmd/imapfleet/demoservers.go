package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// demoServers are the two servers of the demo; all accounts have the password
// that demoPassword says.
type demoServers struct {
	source, dest     *imaptest.Memory
	users            []string
	messages, octets int64
}

func demoPassword(user string) string { return "secret" + user[4:6] }

// startDemoServers starts both servers, the first one with mail.
func startDemoServers(accounts int) (_ *demoServers, err error) {
	cert, err := imaptest.NewCertificate()
	if err != nil {
		return nil, err
	}
	s := &demoServers{}
	if s.source, err = imaptest.NewMemory(imaptest.MemoryOptions{TLS: true, Certificate: cert, LiteralPlus: true}); err != nil {
		return nil, err
	}
	if s.dest, err = imaptest.NewMemory(imaptest.MemoryOptions{TLS: true, Certificate: cert, LiteralPlus: true}); err != nil {
		return nil, errors.Join(err, s.source.Close())
	}
	for i := range accounts {
		if err := s.addAccount(i); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Close stops both servers.
func (s *demoServers) Close() error { return errors.Join(s.source.Close(), s.dest.Close()) }

func (s *demoServers) authority() []byte { return s.source.Certificate().CertPEM }

func (s *demoServers) addAccount(i int) error {
	user := fmt.Sprintf("user%02d@example.org", i+1)
	s.users = append(s.users, user)
	if err := errors.Join(s.source.AddUser(user, demoPassword(user)), s.dest.AddUser(user, demoPassword(user))); err != nil {
		return err
	}
	boxes := []imaptest.Mailbox{
		demoMailbox(i, "INBOX", 20+i), demoMailbox(i, "Sent", 8), demoMailbox(i, "Archive", 4), demoMailbox(i, "Archive/2025", 12),
		demoMailbox(i, "Entwürfe", 2),
	}
	for _, b := range boxes {
		for _, m := range b.Messages {
			s.messages++
			s.octets += int64(len(m.Body))
		}
	}
	return s.source.Fill(user, boxes...)
}

// rows are the lines of the list; wrong is the line, from 1, whose source
// password is mistyped, 0 for none.
func (s *demoServers) rows(wrong int) []string {
	out := make([]string, len(s.users))
	for i, u := range s.users {
		password1 := demoPassword(u)
		if i+1 == wrong {
			password1 += "x"
		}
		out[i] = fmt.Sprintf("imaps://localhost:%d;%s;%s;imaps://localhost:%d;%s;%s",
			s.source.Port(), u, password1, s.dest.Port(), u, demoPassword(u))
	}
	return out
}

// demoMailbox makes n messages, always the same ones for one account.
func demoMailbox(account int, name string, n int) imaptest.Mailbox {
	b := imaptest.Mailbox{Name: name, Subscribed: true}
	flags := [][]string{nil, {`\Seen`}, {`\Seen`, `\Answered`}, {`\Flagged`}, {`\Seen`, "$forwarded"}}
	for i := range n {
		date := time.Date(2024, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)).Add(time.Duration(account*1000+i) * time.Hour)
		body := fmt.Sprintf("From: sender%d@example.net\r\nTo: user%02d@example.org\r\nSubject: message %d in %s\r\n"+
			"Date: %s\r\nMessage-ID: <%d.%d.%x@example.net>\r\n\r\n",
			i, account+1, i+1, strings.ReplaceAll(name, "ü", "ue"), date.Format(time.RFC1123Z), account, i, name)
		body += strings.Repeat("The quick brown fox jumps over the lazy dog.\r\n", 10+(account*7+i*13)%200)
		b.Messages = append(b.Messages, imaptest.Message{Flags: flags[i%len(flags)], Date: date, Body: []byte(body)})
	}
	return b
}

// compare reads every account from both servers and returns the number of
// messages; the error names the first difference.
func (s *demoServers) compare(ctx context.Context) (int64, error) {
	var n int64
	for _, u := range s.users {
		source, err := contents(ctx, s.source.Access(u, demoPassword(u)))
		if err != nil {
			return 0, err
		}
		dest, err := contents(ctx, s.dest.Access(u, demoPassword(u)))
		if err != nil {
			return 0, err
		}
		if !slices.Equal(source, dest) {
			return 0, fmt.Errorf("demo: %s differs: %d messages at the source, %d at the destination", u, len(source), len(dest))
		}
		n += int64(len(source))
	}
	return n, nil
}

// contents is what an account holds, one line per message, sorted.
func contents(ctx context.Context, a imaptest.Access) ([]string, error) {
	c, err := imaptest.Dump(ctx, a)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, m := range c.Mailboxes {
		for _, msg := range m.Messages {
			out = append(out, fmt.Sprintf("%s %s %d %s %v", m.Name, msg.Digest, msg.Octets, msg.Date.UTC().Format(time.RFC3339), msg.Flags))
		}
	}
	slices.Sort(out)
	return out, nil
}
