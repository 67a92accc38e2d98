package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// tally is what a mailbox holds.
type tally struct {
	Messages int
	Octets   int64 // STATUS SIZE (RFC 8438 section 3.1)
}

// mailboxes returns the selectable mailboxes by their names on the wire, in
// the server's order.
func (s *session) mailboxes() ([]string, error) {
	var names []string
	err := s.command(`LIST "" "*"`, func(line string) error {
		rest, ok := strings.CutPrefix(line, "* LIST (")
		if !ok {
			return nil
		}
		attributes, rest, ok := strings.Cut(rest, ") ")
		if !ok {
			return fmt.Errorf("odd response %q", line)
		}
		_, rest, err := unquote(rest) // the delimiter
		if err != nil {
			return err
		}
		name, _, err := unquote(rest)
		if err != nil {
			return err
		}
		if !strings.Contains(strings.ToLower(attributes), `\noselect`) {
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

// count asks for the status items of all mailboxes at once (RFC 5819) and
// returns MESSAGES and SIZE.
func (s *session) count(items string) (map[string]tally, error) {
	out := make(map[string]tally)
	err := s.command(`LIST "" "*" RETURN (STATUS (`+items+`))`, func(line string) error {
		rest, ok := strings.CutPrefix(line, "* STATUS ")
		if !ok {
			return nil
		}
		name, rest, err := unquote(rest)
		if err != nil {
			return err
		}
		var t tally
		items := strings.Fields(strings.Trim(rest, "()"))
		for pair := range slices.Chunk(items, 2) {
			switch {
			case len(pair) < 2:
				return fmt.Errorf("odd response %q", line)
			case pair[0] == "MESSAGES":
				t.Messages, err = strconv.Atoi(pair[1])
			case pair[0] == "SIZE":
				t.Octets, err = strconv.ParseInt(pair[1], 10, 64)
			}
			if err != nil {
				return fmt.Errorf("odd response %q: %w", line, err)
			}
		}
		out[name] = t
		return nil
	})
	return out, err
}

// countAccount is count with a session of its own.
func countAccount(ctx context.Context, a imaptest.Access) (map[string]tally, error) {
	s, err := dial(ctx, a)
	if err != nil {
		return nil, err
	}
	out, err := s.count("MESSAGES SIZE")
	if err != nil {
		s.close()
		return nil, err
	}
	return out, s.logout()
}
