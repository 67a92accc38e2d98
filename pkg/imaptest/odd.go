package imaptest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// OddMessage is a message that some server refuses, or keeps as something
// else. No two have the same name.
type OddMessage struct {
	Name string
	// RawDate is what a [Fake] shows after INTERNALDATE, see FakeMessage.Date;
	// "": Message.Date. No real server can be made to show it.
	RawDate string
	Message
}

// OddMessages returns one message of each kind that is known for trouble. All
// are different but for two that are equal on purpose. One has 30 MB: leave it
// out by its name where that is too much.
func OddMessages() []OddMessage {
	return slices.Concat(oddOctets(), oddForms(), oddDates(), oddFlags())
}

// OddLarge is the name of the message of 30 MB.
const OddLarge = "30 MB"

// oddDate is the date of messages of which something else is odd.
var oddDate = time.Date(2019, 5, 6, 7, 8, 9, 0, time.FixedZone("", -7*3600-1800))

// oddHead is a header without the blank line that ends it.
func oddHead(name string) string {
	return "From: Odd <odd@example.org>\r\nTo: user@example.com\r\nDate: Mon, 6 May 2019 07:08:09 -0730\r\n" +
		"Subject: " + name + "\r\nMessage-ID: <" + strings.ReplaceAll(name, " ", ".") + "@odd.example.org>\r\n"
}

func oddMessage(name, octets string) OddMessage {
	return OddMessage{Name: name, Message: Message{Date: oddDate, Body: []byte(octets)}}
}

// oddBody is a message with an ordinary header.
func oddBody(name, body string) OddMessage {
	return oddMessage(name, oddHead(name)+"\r\n"+body)
}

// oddOctets have octets, lines or line ends that RFC 5322 does not allow.
func oddOctets() []OddMessage {
	bare := func(name, from, to string) OddMessage {
		return oddMessage(name, strings.ReplaceAll(oddHead(name)+"\r\nsome\r\ntext\r\n", from, to))
	}
	head := func(name, field string) OddMessage {
		return oddMessage(name, oddHead(name)+field+"\r\n\r\ntext\r\n")
	}
	long := strings.Repeat("0123456789", 10000)
	out := []OddMessage{
		oddBody("NUL in the body", "a\x00b\x00\r\n\x00\r\n"),
		head("NUL in the header", "X-Nul: a\x00b"),
		bare("bare LF", "\r\n", "\n"),
		oddBody("one bare LF", "a\r\nb\nc\r\n"),
		oddBody("one bare CR", "a\r\nb\rc\r\n"),
		head("bare CR in the header", "X-Cr: a\rb"),
		bare("CR only", "\r\n", "\r"),
		oddBody("CR CR LF", "a\r\r\nb\r\r\n"),
		oddBody("CR at the end", "a\r\nb\r"),
		oddBody("no newline at the end", "a\r\nb"),
		oddBody("many newlines at the end", "a\r\n\r\n\r\n\r\n"),
		oddMessage("UTF-8 header", oddHead("UTF-8 header")+"X-Name: Jürgen Öttinger 日本\r\n\r\ntext\r\n"),
		oddMessage("Latin-1 header", oddHead("Latin-1 header")+"X-Name: J\xfcrgen\r\n\r\ntext\r\n"),
		oddBody("8-bit body", "Gr\xfc\xdfe, \x80\x81\xfe\xff\r\n"),
		oddBody("other controls", "\x01\x02\x07\x0b\x0c\x1b[31m\x7f\r\n"),
		oddBody("lines of 999", strings.Repeat(long[:999]+"\r\n", 3)),
		oddBody("lines of 100000", strings.Repeat(long+"\r\n", 3)),
		head("header line of 100000", "X-Long: "+long),
		head("2000 header lines", "X-Many: 1"+strings.Repeat("\r\nX-Many: 2", 1999)),
		oddBody("IMAP commands", "a1 CREATE obeyed\r\nX1 DELETE INBOX\r\n)\r\n* BYE\r\na2 APPEND obeyed {3+}\r\nabc\r\n.\r\n"),
		oddBody("literal at the end", "{1000000000+}\r\n"),
		{Name: OddLarge, Message: Message{Date: oddDate,
			Body: append([]byte(oddHead(OddLarge)+"\r\n"), bytes.Repeat([]byte(long[:76]+"\r\n"), 30<<20/78)...)}},
	}
	return out
}

// oddForms lack a part of a message, have too much of one, or share one.
func oddForms() []OddMessage {
	out := []OddMessage{
		oddMessage("zero octets", ""),
		oddMessage("one octet", "x"),
		oddMessage("CRLF alone", "\r\n"),
		oddMessage("no header", "\r\nno header, a blank line first\r\n"),
		oddMessage("no header line at all", "this is no header line\r\nand neither is this\r\n"),
		oddMessage("mbox From line first", "From odd@example.org Mon May  6 07:08:09 2019\r\n"+oddHead("mbox From line first")+"\r\ntext\r\n"),
		oddMessage("header without a blank line", oddHead("header without a blank line")),
		oddMessage("header without a newline", strings.TrimRight(oddHead("header without a newline"), "\r\n")),
		oddMessage("header and a blank line", oddHead("header and a blank line")+"\r\n"),
		oddMessage("no Message-ID", "From: odd@example.org\r\nSubject: no Message-ID\r\n\r\ntext\r\n"),
		oddMessage("equal 1", oddHead("equal")+"\r\ntext\r\n"),
		oddMessage("equal 2", oddHead("equal")+"\r\ntext\r\n"),
		oddMessage("shared header 1", oddHead("shared header")+"\r\none\r\n"),
		oddMessage("shared header 2", oddHead("shared header")+"\r\ntwo\r\n"),
		oddMessage("MIME nested 60 deep, not ended", nestedMIME(60)),
		oddMessage("messages nested 30 deep", nestedMessages(30)),
	}
	for i, d := range []string{"Tue, 24, Aug 1997 05:06:02 +0200", "Sun Aug 20 11:55:09 2006", "24 Aug 97 16.00.00", "Tue, 24 Aug 1997 05:06:02", "never"} {
		name := fmt.Sprintf("Date field %d", i+1)
		out = append(out, oddMessage(name, "From: odd@example.org\r\nSubject: "+name+"\r\nDate: "+d+"\r\n\r\ntext\r\n"))
	}
	return out
}

func nestedMIME(depth int) string {
	var b strings.Builder
	b.WriteString(oddHead("nested MIME") + "MIME-Version: 1.0\r\n")
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=\"b%d\"\r\n\r\n--b%d\r\n", i, i)
	}
	b.WriteString("Content-Type: text/plain\r\n\r\ndeep down\r\n")
	return b.String()
}

func nestedMessages(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(oddHead(fmt.Sprintf("nested message %d", i)) + "MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n")
	}
	b.WriteString(oddHead("the innermost message") + "\r\ndeep down\r\n")
	return b.String()
}

// oddDates have an INTERNALDATE that some server cannot hold or say.
func oddDates() []OddMessage {
	var out []OddMessage
	in := func(year int, month time.Month, day, hour, minute, second, zone int) {
		d := time.Date(year, month, day, hour, minute, second, 0, time.FixedZone("", zone*60))
		m := oddBody("dated "+FormatDate(d), "text\r\n")
		m.Date = d
		out = append(out, m)
	}
	in(1, 1, 2, 0, 0, 0, 0)
	in(1900, 1, 1, 0, 0, 0, 0)
	in(1969, 12, 31, 23, 59, 59, 0)
	in(1970, 1, 1, 0, 0, 0, 0)
	in(1970, 1, 1, 0, 0, 1, 0)
	in(1969, 12, 31, 20, 0, 0, -300)
	in(2036, 12, 31, 23, 59, 59, 0)
	in(2037, 12, 31, 23, 59, 59, 0)
	in(2038, 1, 19, 3, 14, 8, 0)
	in(2040, 7, 17, 2, 44, 25, 14*60)
	in(2106, 2, 7, 6, 28, 16, 0)
	in(9999, 12, 31, 23, 59, 59, 0)
	in(1999, 2, 1, 3, 4, 5, -450)
	in(2010, 3, 4, 5, 6, 7, 345)
	in(2010, 3, 4, 5, 6, 7, -12*60)
	in(2010, 3, 4, 5, 6, 7, 99*15)
	for _, raw := range []string{"-", "NIL", `""`, `"garbage"`, `"30-Feb-2001 00:00:00 +0000"`, `"00-Jan-1900 00:00:00 +0000"`} {
		m := oddBody("INTERNALDATE "+strings.Trim(raw, `"`), "text\r\n")
		m.RawDate = raw
		out = append(out, m)
	}
	return out
}

// oddFlags have flags that a server does not keep, or no client may send.
func oddFlags() []OddMessage {
	var out []OddMessage
	with := func(name string, flags ...string) {
		m := oddBody(name, "text\r\n")
		m.Flags = flags
		out = append(out, m)
	}
	with("all system flags", `\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`)
	with("flags in another case", `\SEEN`, `\flagged`)
	with("recent", `\Recent`, `\Seen`)
	with("usual keywords", "$Forwarded", "NonJunk", "$MDNSent", "$Junk")
	with("custom system flag", `\Seen`, `\Custom`)
	with("keyword in brackets", `\Seen`, "[b]")
	with("8-bit keyword", `\Seen`, "gr\xc3\xbcn")
	with("keyword with a backslash", `\Seen`, `a\b`)
	with("keyword NIL", "NIL")
	for _, n := range []int{50, 51, 60, 300} {
		with(fmt.Sprintf("keyword of %d", n), `\Flagged`, strings.Repeat("k", n))
	}
	for part := range 3 { // 120 in all: more than a mailbox of Cyrus keeps
		var many []string
		for i := range 40 {
			many = append(many, fmt.Sprintf("label%03d", part*40+i))
		}
		with(fmt.Sprintf("40 keywords %d", part+1), many...)
	}
	return out
}

// OddMailbox is a mailbox of a [Fake] that holds odd messages.
func OddMailbox(name string, odd []OddMessage) FakeMailbox {
	plain := Mailbox{Name: name, Count: len(odd), Make: func(i int) Message { return odd[i].Message }}
	box := FakeFrom(plain)
	ordinary := box.Message
	box.Message = func(i int) FakeMessage {
		m := ordinary(i)
		if odd[i].RawDate != "" {
			m.Date = odd[i].RawDate
		}
		return m
	}
	return box
}

// FillOdd stores each message by itself and returns what the server said to
// those that it refused, by name. A refusal that ends the connection is one
// like any other.
func FillOdd(ctx context.Context, a Access, mailbox string, odd []OddMessage) (refused map[string]string, err error) {
	refused = make(map[string]string)
	name := quote(EncodeName(mailbox))
	var r *raw
	defer func() {
		if r != nil {
			r.close()
		}
	}()
	for _, m := range odd {
		if r == nil {
			if r, err = dialRaw(ctx, a); err != nil {
				return refused, err
			}
			if err := r.ensure(ctx, name); err != nil {
				return refused, err
			}
		}
		err := r.appendAlone(ctx, name, m.Message)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return refused, err
		}
		refused[m.Name] = err.Error()
		if no := (*refusal)(nil); !errors.As(err, &no) || strings.HasPrefix(no.answer, "BAD") {
			r.close() // BAD: what the server makes of the rest is not known
			r = nil
		}
	}
	return refused, nil
}

func (r *raw) appendAlone(ctx context.Context, name string, m Message) error {
	defer r.guard(ctx)()
	return r.because(ctx, r.appendSync(name, m))
}
