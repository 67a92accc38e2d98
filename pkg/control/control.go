// Package control lets another process on this machine ask a run that goes on
// about itself, and steer it. Server is the run's side, Ask the other one; what
// an order means is the caller's.
//
// Each side sends JSON objects, one a line. The way between them is a Unix
// socket in the run's state directory that its user alone may open, and where
// there are none that keep others out (Windows) a TCP port of this machine's own
// and a token in a file that the user alone may read. No password of a list
// goes over it.
package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Version is that of the protocol. A side that is asked in another one answers
// in its own that it does not know it.
const Version = 1

const (
	longestRequest = 16 << 10 // octets of a line
	longestAnswer  = 8 << 20
)

// Request is an order. Token is set by Ask.
type Request struct {
	Version int      `json:"version"`
	Token   string   `json:"token,omitempty"`
	Verb    string   `json:"verb"`
	Args    []string `json:"arguments,omitempty"`
}

// Kind says what an Answer is.
type Kind string

// The kinds.
const (
	Done    Kind = "done"    // Said says what was done
	Usage   Kind = "usage"   // the order is wrong: Said says how
	Refused Kind = "refused" // the order is right, and the run does not do it: Said says why
)

// Answer is what the run says to a Request. Body is what was asked for, if
// anything was.
type Answer struct {
	Version int             `json:"version"`
	Kind    Kind            `json:"kind"`
	Said    string          `json:"said,omitempty"`
	Body    json.RawMessage `json:"body,omitempty"`
}

// Errors of reading a line.
var (
	errTooLong = errors.New("the line is too long")
	errNoEnd   = errors.New("the line does not end")
)

// readLine reads a line of at most so many octets, its end included. It is
// io.EOF where nothing came.
func readLine(r *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > most {
			return nil, errTooLong
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, errNoEnd
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// parseRequest reads a request, and says what is wrong with it.
func parseRequest(line []byte) (Request, error) {
	var q Request
	if err := json.Unmarshal(line, &q); err != nil {
		return Request{}, fmt.Errorf("no request: %w", err)
	}
	if q.Version != Version {
		return q, fmt.Errorf("version %d of the protocol is asked for, this run speaks %d: use the imapfleet that the run was started with", q.Version, Version)
	}
	if q.Verb == "" {
		return q, errors.New("a request without a verb")
	}
	return q, nil
}

func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	return append(b, '\n'), err
}
