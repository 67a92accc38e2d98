package main

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// message is what stands before a body in a FETCH response.
type message struct {
	flags, date []byte // good until the body is read
	size        int64  // octets of the body
}

// each reads every message of a mailbox. It hands each to f with a reader of
// its body, which f must empty.
func (s *session) each(mailbox string, f func(m message, body io.Reader) error) error {
	exists, err := s.examine(mailbox)
	if err != nil || exists == 0 {
		return err
	}
	tag := s.send("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])")
	if err := s.w.Flush(); err != nil {
		return err
	}
	body := &io.LimitedReader{R: s.r}
	seen := 0
	for {
		line, err := s.line()
		if err != nil {
			return fmt.Errorf("FETCH: %w", err)
		}
		if done, err := completed(line, tag); err != nil {
			return fmt.Errorf("FETCH: %w", err)
		} else if done {
			break
		}
		m, ok, err := parseFetch(line)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		body.N = m.size
		if err := f(m, body); err != nil {
			return err
		}
		if body.N != 0 {
			return fmt.Errorf("FETCH: a body ends %d octets early: %w", body.N, io.ErrUnexpectedEOF)
		}
		if _, err := s.line(); err != nil { // the parenthesis
			return fmt.Errorf("FETCH: %w", err)
		}
		seen++
	}
	if seen != exists {
		return fmt.Errorf("FETCH: mailbox %q has %d messages, %d came", mailbox, exists, seen)
	}
	return nil
}

func (s *session) examine(mailbox string) (exists int, err error) {
	err = s.command("EXAMINE "+quote(mailbox), func(line string) error {
		if n, ok := strings.CutSuffix(line, " EXISTS"); ok {
			exists, err = strconv.Atoi(strings.TrimPrefix(n, "* "))
		}
		return err
	})
	return exists, err
}

// parseFetch reads the first line of a FETCH response whose last item is a
// body; ok is false for any other line.
func parseFetch(line []byte) (m message, ok bool, err error) {
	open := bytes.LastIndexByte(line, '{')
	if open < 0 || !bytes.HasSuffix(line, []byte("}")) || !bytes.Contains(line, []byte(" FETCH (")) {
		return m, false, nil
	}
	m.size, err = strconv.ParseInt(string(line[open+1:len(line)-1]), 10, 64)
	if err != nil {
		return m, false, fmt.Errorf("FETCH: odd response %q", line)
	}
	m.flags = between(line, "FLAGS (", ')')
	m.date = between(line, `INTERNALDATE "`, '"')
	if m.date == nil {
		return m, false, fmt.Errorf("FETCH: no INTERNALDATE in %q", line)
	}
	return m, true, nil
}

// between returns what stands after start and before end; nil: nothing does.
func between(line []byte, start string, end byte) []byte {
	at := bytes.Index(line, []byte(start))
	if at < 0 {
		return nil
	}
	rest := line[at+len(start):]
	stop := bytes.IndexByte(rest, end)
	if stop < 0 {
		return nil
	}
	return rest[:stop]
}
