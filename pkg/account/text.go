package account

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxList bounds what is taken for a list, in octets: over a million rows.
// Something larger is the wrong file.
const maxList = 256 << 20

// sniff is how many octets are looked at to tell UTF-16 without a byte order
// mark from UTF-8.
const sniff = 4096

// readText reads all of r as UTF-8 with lines that end in LF or CRLF. Octets
// that are no text in the file's encoding are left in it as invalid UTF-8, so
// that the row they stand in can be named.
func readText(r io.Reader, limit int64) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return "", fmt.Errorf("read list: %w", err)
	}
	if int64(len(raw)) > limit {
		return "", fmt.Errorf("read list: larger than %d MiB", limit>>20)
	}
	text := decode(raw)
	// Old Macintosh spreadsheets end lines with CR alone.
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	return text, nil
}

// decode returns raw as UTF-8 without its byte order mark.
func decode(raw []byte) string {
	switch {
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		return string(raw[3:])
	case bytes.HasPrefix(raw, []byte("\xff\xfe")):
		return decode16(raw[2:], binary.LittleEndian)
	case bytes.HasPrefix(raw, []byte("\xfe\xff")):
		return decode16(raw[2:], binary.BigEndian)
	}
	if order := guess16(raw); order != nil {
		return decode16(raw, order)
	}
	return string(raw)
}

// guess16 recognises UTF-16 by its NULs: delimiters, host names and line ends
// are ASCII, so one half of many units is zero, always the same half. It
// returns nil for anything else.
func guess16(raw []byte) binary.ByteOrder {
	raw = raw[:min(len(raw), sniff)]
	var zero [2]int
	for i, b := range raw {
		if b == 0 {
			zero[i%2]++
		}
	}
	enough := max(1, len(raw)/8) // a quarter of the units
	switch {
	case zero[1] >= enough && zero[1] > zero[0]:
		return binary.LittleEndian
	case zero[0] >= enough && zero[0] > zero[1]:
		return binary.BigEndian
	}
	return nil
}

// decode16 turns UTF-16 into UTF-8. Half a surrogate pair or half a unit
// becomes an octet that UTF-8 never has: utf16.Decode would hide it behind a
// valid U+FFFD.
func decode16(raw []byte, order binary.ByteOrder) string {
	const bad = 0xff
	out := make([]byte, 0, len(raw)/2+len(raw)/8)
	for len(raw) >= 2 {
		r := rune(order.Uint16(raw))
		raw = raw[2:]
		if !utf16.IsSurrogate(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		pair := utf8.RuneError
		if len(raw) >= 2 {
			pair = utf16.DecodeRune(r, rune(order.Uint16(raw)))
		}
		if pair == utf8.RuneError {
			out = append(out, bad)
			continue
		}
		out = utf8.AppendRune(out, pair)
		raw = raw[2:]
	}
	if len(raw) > 0 {
		out = append(out, bad)
	}
	return string(out)
}

// lines walks over the physical lines of a text.
type lines struct {
	rest string
	n    int // the line that next returned last, 1-based
}

// next returns the next line that is neither blank nor a comment, without its
// line end; false at the end of the text.
func (l *lines) next() (string, bool) {
	for l.rest != "" {
		var line string
		line, l.rest, _ = strings.Cut(l.rest, "\n")
		l.n++
		line = strings.TrimSuffix(line, "\r")
		if t := strings.TrimSpace(line); t != "" && t[0] != '#' {
			return line, true
		}
	}
	return "", false
}
