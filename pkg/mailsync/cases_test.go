package mailsync_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// TestMessageCases holds two real servers to what a migration must do with a
// message and what belongs to it. Each case makes a first pass over its
// messages; then both accounts must be equal, and a second pass copies nothing.
func TestMessageCases(t *testing.T) {
	src, dst := dotHost(t), slashHost(t)
	at := time.Date(1999, 2, 1, 3, 4, 5, 0, time.FixedZone("", -7*3600-1800))
	message := func(body string, flags ...string) imaptest.Message {
		return imaptest.Message{Date: at, Flags: flags, Body: []byte(strings.ReplaceAll(body, "\n", "\r\n"))}
	}
	head := "Message-ID: <a@example.org>\nReceived: x; Mon, 1 Feb 1999 03:04:05 -0730\n"
	var dates []imaptest.Message
	for i, d := range []string{"Tue, 24, Aug 1997 05:06:02 +0200", "Sun Aug 20 11:55:09 2006", "24 Aug 97 16.00.00", "Tue, 24 Aug 1997 05:06:02", "never", ""} {
		dates = append(dates, message(fmt.Sprintf("Date: %s\nSubject: %d\n\nx\n", d, i)))
	}
	tests := []struct {
		name  string
		boxes []imaptest.Mailbox
	}{
		{"case 45: octets", []imaptest.Mailbox{{Name: "INBOX", Messages: []imaptest.Message{
			message("Subject: Gr\xfc\xdfe \u65e5\u672c\n\nno newline at the end"),
			message("Subject: long\n\n" + strings.Repeat("0123456789", 2000) + "\n"),
			message("Subject: 14 KB\n\n" + strings.Repeat("a line of a message\n", 700)),
			message("Subject: 8 bit\n\n\x80\xff\xfe\n"),
		}}}},
		{"case 46: again", []imaptest.Mailbox{{Name: "INBOX", Messages: mail("m", 30, 2000)}}},
		{"case 48: neither Message-ID nor Received", []imaptest.Mailbox{{Name: "INBOX", Messages: []imaptest.Message{
			message("Subject: a\n\none\n"), message("Subject: a\n\ntwo\n"), message("\nno header\n"), message("\nno header\n"),
		}}}},
		{"case 50: one name, two bodies", []imaptest.Mailbox{{Name: "INBOX", Messages: []imaptest.Message{message(head + "\none\n"), message(head + "\ntwo\n")}}}},
		{"case 51: in two mailboxes", []imaptest.Mailbox{{Name: "INBOX", Messages: []imaptest.Message{message(head + "\none\n")}}, {Name: "b", Messages: []imaptest.Message{message(head + "\none\n")}}}},
		{"case 69: flags and keywords", []imaptest.Mailbox{{Name: "INBOX", Messages: []imaptest.Message{
			message("Subject: 1\n\nx\n", `\Seen`, `\Answered`, `\Flagged`, `\Draft`), message("Subject: 2\n\nx\n", "$Forwarded", "NonJunk"), message("Subject: 3\n\nx\n"),
		}}}},
		{"case 74: INTERNALDATE with a zone of half an hour", []imaptest.Mailbox{{Name: "INBOX", Messages: []imaptest.Message{message("Date: Mon, 1 Jan 2024 00:00:00 +0000\n\nx\n")}}}},
		{"case 75: a Date that is none", []imaptest.Mailbox{{Name: "INBOX", Messages: dates}}},
		{"case 76: Deleted", []imaptest.Mailbox{{Name: "INBOX", Messages: []imaptest.Message{message("Subject: 1\n\nx\n", `\Deleted`, `\Seen`), message("Subject: 2\n\nx\n")}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, src, dst)
			r.fillSource(tt.boxes...)
			var n int64
			for _, b := range tt.boxes {
				n += int64(b.Len())
			}
			counted(t, r.mustSync(), throughput.Count{Listed: n, Copied: n})
			r.equal(true)
			for range 2 {
				counted(t, r.mustSync(), throughput.Count{Listed: n, AlreadyThere: n})
				r.dir = t.TempDir() + "/lost"
			}
			r.equal(true)
			r.wantRepairs()
		})
	}
	t.Run("case 72 and 73: flags that users change later", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, src, dst)
		r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: []imaptest.Message{message("Subject: 1\n\nx\n", `\Seen`), message("Subject: 2\n\nx\n", `\Seen`)}})
		r.mustSync()
		r.store(r.src, "INBOX", true, `\Flagged`, 0)
		r.store(r.dst, "INBOX", false, `\Seen`, 1)
		r.updates(1)
		r.store(r.dst, "INBOX", true, `\Seen`, 1) // what the destination's user did has stayed, and is undone
		r.equal(true)
	})
}

// TestRefusalCases holds the engine to what becomes of a message that the
// destination refuses, or shows as another.
func TestRefusalCases(t *testing.T) {
	big := func(m imaptest.FakeAppend) bool { return m.Octets == sizeOf(3) || m.Octets == sizeOf(9) }
	refuse := func(answer string, which func(imaptest.FakeAppend) bool) func(imaptest.FakeAppend) imaptest.FakeRefusal {
		return func(m imaptest.FakeAppend) imaptest.FakeRefusal {
			if which(m) {
				return imaptest.FakeRefusal{Answer: answer}
			}
			return imaptest.FakeRefusal{}
		}
	}
	special := func(body []byte) imaptest.FakeMailbox {
		box := plain(15)
		one := box.Message
		box.Message = func(i int) imaptest.FakeMessage {
			if i == 4 {
				return imaptest.FakeMessage{Body: body}
			}
			return one(i)
		}
		return box
	}
	tests := []struct {
		name    string
		box     imaptest.FakeMailbox
		dest    imaptest.FakeOptions
		repair  []string
		want    throughput.Count
		code    fault.Code
		repairs int
	}{
		{"case 56: NUL", special([]byte("Subject: x\r\n\r\na\x00b\r\n")), imaptest.FakeOptions{Whole: strict}, nil,
			throughput.Count{Listed: 15, Copied: 14, Rejected: 1}, fault.MessageRefused, 0},
		{"case 57: long lines, and no rule to break them", special([]byte("Subject: x\r\n\r\n" + strings.Repeat("x", 20000) + "\r\n")), imaptest.FakeOptions{Whole: strict}, nil,
			throughput.Count{Listed: 15, Copied: 14, Rejected: 1}, fault.MessageRefused, 0},
		{"case 57: long lines", special([]byte("Subject: x\r\n\r\n" + strings.Repeat("x", 20000) + "\r\n")), imaptest.FakeOptions{Whole: strict}, []string{"lines"},
			throughput.Count{Listed: 15, Copied: 15}, "", 1},
		{"case 58: larger than the server takes", plain(15), imaptest.FakeOptions{Append: refuse("NO [TOOBIG] too big", big)}, nil,
			throughput.Count{Listed: 15, Copied: 13, Rejected: 2}, fault.TooBig, 0},
		{"case 59: LIMIT", plain(15), imaptest.FakeOptions{Append: refuse("NO [LIMIT] message too large", big)}, nil,
			throughput.Count{Listed: 15, Copied: 13, Rejected: 2}, fault.TooBig, 0},
		{"case 77: a flag that is refused", boxOf(imaptest.FakeMessage{Flags: "$Work"}, imaptest.FakeMessage{Flags: `\Seen`}),
			imaptest.FakeOptions{Append: refuse("NO no such flag", func(m imaptest.FakeAppend) bool { return strings.Contains(m.Head, "$Work") }),
				Intercept: func(c imaptest.FakeCommand) (reply imaptest.FakeReply) {
					if c.Name == "UID STORE" {
						reply.Lines = []string{"TAG NO no such flag"}
					}
					return reply
				}}, nil, throughput.Count{Listed: 2, Copied: 2}, "", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src, dst := imaptest.NewFake(t, imaptest.FakeOptions{}, tt.box), imaptest.NewFake(t, tt.dest)
			r := fakeRig(t, src, dst)
			if tt.repair != nil {
				r.repair(tt.repair...)
			}
			c, err := r.sync(t.Context())
			if fault.CodeOf(err) != tt.code {
				t.Errorf("error %v", err)
			}
			counted(t, c, tt.want)
			if n := len(r.repairs()); n != tt.repairs {
				t.Errorf("%d repairs", n)
			}
			again := tt.want
			again.AlreadyThere, again.Copied = again.Copied, 0
			c, _ = r.sync(t.Context())
			counted(t, c, again)
		})
	}
	t.Run("case 47: the destination shows other headers than it was given", func(t *testing.T) {
		t.Parallel()
		box := plain(15)
		src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
		dst := imaptest.NewFake(t, imaptest.FakeOptions{Show: func(m *imaptest.FakeMessage) {
			m.Body = append([]byte("Received: by a filter\r\n"), bytes.ReplaceAll(m.Body, []byte("Message-ID: <"), []byte("Message-ID: <x"))...)
		}})
		r := fakeRig(t, src, dst)
		counted(t, r.mustSync(), throughput.Count{Listed: 15, Copied: 15})
		counted(t, r.mustSync(), throughput.Count{Listed: 15, AlreadyThere: 15})
		storedOnce(t, dst, "INBOX", box, nil)
	})
	t.Run("case 70 and 71: Recent, and flags that are not kept", func(t *testing.T) {
		t.Parallel()
		box := boxOf(imaptest.FakeMessage{Flags: `\Recent \SEEN $Work`}, imaptest.FakeMessage{Flags: `\Draft \Recent`})
		src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
		dst := imaptest.NewFake(t, imaptest.FakeOptions{}, imaptest.FakeMailbox{Name: "INBOX", PermanentFlags: `(\Seen \Draft)`})
		r := fakeRig(t, src, dst)
		counted(t, r.mustSync(), throughput.Count{Listed: 2, Copied: 2})
		shows(t, dst, map[uint32]string{1: `\Seen`, 2: `\Draft`})
		r.wantRepairs(`1 keywords: \SEEN $Work -> \SEEN`)
	})
}

// TestOddDatesDovecot: what a real server makes of odd dates is in the ledger
// for each message that it is so for, and for no other.
func TestOddDatesDovecot(t *testing.T) {
	var odd []imaptest.OddMessage
	for _, m := range imaptest.OddMessages() {
		if strings.HasPrefix(m.Name, "dated") || strings.HasPrefix(m.Name, "INTERNALDATE") {
			odd = append(odd, m)
		}
	}
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, imaptest.OddMailbox("INBOX", odd))
	for name, dst := range map[string]host{"maildir": dotHost(t), "sdbox": slashHost(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, fakeHost(src), dst)
			n := int64(len(odd))
			c := r.mustSync()
			counted(t, c, throughput.Count{Listed: n, Copied: n})
			repaired := map[string]bool{}
			for _, line := range r.repairs() {
				uid, _, _ := strings.Cut(line, " ")
				repaired[uid] = true
			}
			if int64(len(repaired)) != c.Repaired {
				t.Errorf("%d messages have a repair, counted are %d", len(repaired), c.Repaired)
			}
			digests := map[string]int{}
			for i, m := range odd {
				digests[digest(m.Body)] = i
			}
			for range 2 { // a server may show another date once it has looked again
				for _, m := range r.dump(dst).Mailbox("INBOX").Messages {
					i := digests[m.Digest]
					same := odd[i].RawDate == "" && m.Date.Equal(odd[i].Date)
					if same == repaired[fmt.Sprint(i+1)] {
						t.Errorf("%s is shown as %v, repaired: %v", odd[i].Name, m.Date, repaired[fmt.Sprint(i+1)])
					}
				}
			}
		})
	}
}
