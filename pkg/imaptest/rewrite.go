package imaptest

import (
	"bytes"
	"strings"
)

// lineRewriter changes the lines of a server and leaves literals alone. It is
// fed the octets in pieces of any size.
type lineRewriter struct {
	change  func([]byte) []byte
	line    []byte // an unfinished one
	literal int64  // octets of a literal still to come
	inside  bool   // the next line continues a response after a literal
}

// rewriteMax is the length from which a line passes as it is.
const rewriteMax = 1 << 20

func newLineRewriter(opt ProxyOptions) *lineRewriter {
	hideUIDPlus := false
	for _, c := range opt.Hide {
		hideUIDPlus = hideUIDPlus || strings.EqualFold(c, "UIDPLUS")
	}
	return &lineRewriter{change: func(line []byte) []byte {
		if len(opt.Hide) > 0 {
			line = hideCapabilities(line, opt.Hide)
		}
		if opt.NoAppendUID || hideUIDPlus {
			line = dropCode(line, "APPENDUID")
		}
		if opt.Rewrite != nil {
			line = opt.Rewrite(line)
		}
		return line
	}}
}

// feed returns what may go on of what has come so far.
func (r *lineRewriter) feed(b []byte) []byte {
	var out []byte
	for len(b) > 0 {
		if r.literal > 0 {
			n := min(r.literal, int64(len(b)))
			out = append(out, b[:n]...)
			r.literal -= n
			b = b[n:]
			continue
		}
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			if r.line = append(r.line, b...); len(r.line) > rewriteMax {
				out = append(out, r.rest()...)
			}
			return out
		}
		r.line = append(r.line, b[:i+1]...)
		b = b[i+1:]
		out = append(out, r.whole(r.rest())...)
	}
	return out
}

// rest returns what is held back.
func (r *lineRewriter) rest() []byte {
	line := r.line
	r.line = nil
	return line
}

// whole takes one line with its end.
func (r *lineRewriter) whole(line []byte) []byte {
	text := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	end := line[len(text):]
	begins := !r.inside
	r.inside = false
	if !begins || !isStatus(string(text)) {
		if n, _ := literalAtEnd(string(text)); n >= 0 {
			r.literal, r.inside = n, true
		}
	}
	if !begins || r.inside {
		return line
	}
	changed := r.change(text)
	if changed == nil {
		return nil
	}
	return append(append([]byte(nil), changed...), end...)
}

// hideCapabilities takes names out of an untagged CAPABILITY and out of a
// CAPABILITY response code (RFC 9051 sections 7.2.2 and 7.1).
func hideCapabilities(line []byte, hide []string) []byte {
	text := string(line)
	head, list, tail := "", "", ""
	if _, after, ok := cutFold(text, "[CAPABILITY "); ok && isStatus(text) {
		i := strings.IndexByte(after, ']')
		if i < 0 {
			return line
		}
		head, list, tail = text[:len(text)-len(after)], after[:i], after[i:]
	} else if before, after, ok := cutFold(text, "* CAPABILITY "); ok && before == "" {
		head, list = text[:len(text)-len(after)], after
	} else {
		return line
	}
	var keep []string
	for _, c := range strings.Fields(list) {
		hidden := false
		for _, h := range hide {
			hidden = hidden || strings.EqualFold(c, h)
		}
		if !hidden {
			keep = append(keep, c)
		}
	}
	return []byte(head + strings.Join(keep, " ") + tail)
}

// dropCode takes a response code out of a tagged answer.
func dropCode(line []byte, code string) []byte {
	text := string(line)
	before, after, ok := cutFold(text, "["+code+" ")
	if !ok || !isStatus(text) {
		return line
	}
	_, after, ok = strings.Cut(after, "]")
	if !ok {
		return line
	}
	return []byte(before + strings.TrimPrefix(after, " "))
}

// cutFold is strings.Cut without regard to case in ASCII.
func cutFold(s, sep string) (before, after string, found bool) {
	i := strings.Index(strings.ToUpper(s), strings.ToUpper(sep))
	if i < 0 || len(strings.ToUpper(s)) != len(s) {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
