package main

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
)

// A command of the raw limit ends at this many messages or octets, whichever
// comes first.
const (
	rawMessages = 200
	rawOctets   = 16 << 20
)

// appender stores messages into one mailbox by MULTIAPPEND with
// non-synchronising literals, one command at a time (RFC 3502, RFC 7888).
type appender struct {
	s        *session
	mailbox  string
	tag      string // of the command under way; "": none
	messages int
	octets   int64
}

// put sends one message; the server may not have it before finish.
func (a *appender) put(m message, body io.Reader) error {
	w := a.s.w
	if a.tag == "" {
		a.s.tags++
		a.tag = "a" + strconv.Itoa(a.s.tags)
		w.WriteString(a.tag + " APPEND " + quote(a.mailbox))
	}
	w.WriteString(" (")
	first := true
	for flag := range bytes.FieldsSeq(m.flags) {
		if string(flag) == `\Recent` {
			continue
		}
		if !first {
			w.WriteByte(' ')
		}
		first = false
		w.Write(flag)
	}
	w.WriteString(`) "`)
	w.Write(m.date)
	w.WriteString(`" {`)
	w.Write(strconv.AppendInt(w.AvailableBuffer(), m.size, 10))
	w.WriteString("+}\r\n")
	n, err := io.Copy(w, body)
	if err != nil {
		return fmt.Errorf("APPEND: %w", err)
	}
	if n != m.size {
		return fmt.Errorf("APPEND: a body of %d octets, not %d: %w", n, m.size, io.ErrUnexpectedEOF)
	}
	a.messages++
	a.octets += n
	if a.messages >= rawMessages || a.octets >= rawOctets {
		return a.finish()
	}
	return nil
}

// finish ends the command under way and waits for its OK.
func (a *appender) finish() error {
	if a.tag == "" {
		return nil
	}
	a.s.w.WriteString("\r\n")
	if err := a.s.w.Flush(); err != nil {
		return fmt.Errorf("APPEND: %w", err)
	}
	for {
		line, err := a.s.line()
		if err != nil {
			return fmt.Errorf("APPEND: %w", err)
		}
		if done, err := completed(line, a.tag); err != nil {
			return fmt.Errorf("APPEND: %w", err)
		} else if done {
			a.tag, a.messages, a.octets = "", 0, 0
			return nil
		}
	}
}

// ready makes sure of a mailbox among those that are there, and returns its
// appender.
func (s *session) ready(mailbox string, there map[string]bool) (*appender, error) {
	if !there[mailbox] {
		if err := s.command("CREATE "+quote(mailbox), nil); err != nil {
			return nil, err
		}
	}
	return &appender{s: s, mailbox: mailbox}, nil
}

// existing is the set of mailboxes that are there.
func (s *session) existing() (map[string]bool, error) {
	names, err := s.mailboxes()
	there := make(map[string]bool)
	for _, n := range names {
		there[n] = true
	}
	return there, err
}
