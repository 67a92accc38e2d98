package imapconn

import (
	"strings"
	"sync"
)

// loginFilter stands between the server and go-imap's parser. It lets pass
// only what that parser needs for greeting, CAPABILITY, LOGIN, AUTHENTICATE
// and LOGOUT, rewritten so that nothing odd can end the connection, and keeps
// what the parser would drop: capability names as sent and the whole words of
// a refusal. IMAP4rev2 never reaches go-imap, which would send raw UTF-8.
//
// Each greeting and tagged OK gets a CAPABILITY code, the known one if the
// server sent none: else go-imap would ask for capabilities behind our back.
type loginFilter struct {
	mu       sync.Mutex
	greeting string // the server's own words
	names    []string
	lists    int         // capability lists seen
	reply    statusReply // of the last tagged response
}

type statusReply struct{ status, code, text string }

// line is wire's Filter: nil drops the line.
func (f *loginFilter) line(line []byte) []byte {
	tag, rest, _ := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
	kind, text, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	kind = strings.ToUpper(kind)
	f.mu.Lock()
	defer f.mu.Unlock()
	if tag == "*" && kind == "CAPABILITY" {
		f.learn(text)
		return []byte("* CAPABILITY" + f.known() + "\r\n")
	}
	code, text := splitCode(text)
	if name, args, _ := strings.Cut(code, " "); strings.EqualFold(name, "CAPABILITY") {
		f.learn(args)
	}
	if tag != "*" {
		f.reply = statusReply{kind, code, text}
		return f.status(tag, kind)
	}
	if f.greeting == "" {
		f.greeting = kind + " " + text
		f.reply = statusReply{kind, code, text}
		return f.status(tag, kind)
	}
	return nil
}

func (f *loginFilter) status(tag, kind string) []byte {
	switch kind {
	case "OK", "PREAUTH":
		return []byte(tag + " " + kind + " [CAPABILITY" + f.known() + "] done\r\n")
	}
	return []byte(tag + " " + kind + " refused\r\n")
}

func (f *loginFilter) learn(names string) {
	f.names = strings.Fields(names)
	f.lists++
}

// known renders the names that go-imap may have: atoms, with a leading blank
// each.
func (f *loginFilter) known() string {
	var b strings.Builder
	b.WriteString(" IMAP4rev1")
	for _, n := range f.names {
		if validAtom(n) && !strings.EqualFold(n, "IMAP4rev1") && !strings.EqualFold(n, "IMAP4rev2") {
			b.WriteString(" " + strings.ToUpper(n))
		}
	}
	return b.String()
}

// caps returns the last capability names and how many lists came so far.
func (f *loginFilter) caps() ([]string, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.names, f.lists
}

// last returns the last tagged response, or the greeting before there is one.
func (f *loginFilter) last() statusReply {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reply
}

// splitCode takes the response code off the text of a status response (RFC
// 3501 section 7.1). The code of PERMANENTFLAGS may hold a "]" inside its
// list.
func splitCode(s string) (code, text string) {
	s = strings.TrimLeft(s, " ")
	if !strings.HasPrefix(s, "[") {
		return "", s
	}
	depth := 0
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ']':
			if depth <= 0 {
				return strings.TrimSpace(s[1:i]), strings.TrimLeft(s[i+1:], " ")
			}
		}
	}
	// A list that never closes: the first bracket ends the code.
	if code, text, ok := strings.Cut(s[1:], "]"); ok {
		return strings.TrimSpace(code), strings.TrimLeft(text, " ")
	}
	return "", s
}

// validAtom reports whether s is an atom of RFC 3501 section 9.
func validAtom(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// hello returns the greeting without tag and code: status and text.
func (f *loginFilter) hello() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.greeting
}
