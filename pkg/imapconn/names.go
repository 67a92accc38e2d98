package imapconn

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// modifiedBase64 is the alphabet of RFC 3501 section 5.1.3: "," for "/", no
// padding. Strict: bits left over must be zero.
var modifiedBase64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").
	WithPadding(base64.NoPadding).Strict()

// EncodeMailbox returns name in modified UTF-7 (RFC 3501 section 5.1.3). The
// result is printable ASCII whatever name holds; an octet that is not valid
// UTF-8 stands for the character of the same number (Latin-1).
func EncodeMailbox(name string) string {
	if plainASCII(name) {
		return strings.ReplaceAll(name, "&", "&-")
	}
	var b strings.Builder
	var shifted []uint16
	flush := func() {
		if len(shifted) == 0 {
			return
		}
		raw := make([]byte, 0, 2*len(shifted))
		for _, u := range shifted {
			raw = append(raw, byte(u>>8), byte(u))
		}
		b.WriteString("&" + modifiedBase64.EncodeToString(raw) + "-")
		shifted = shifted[:0]
	}
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		if r == utf8.RuneError && n == 1 {
			r = rune(name[i])
		}
		i += n
		switch {
		case r == '&':
			flush()
			b.WriteString("&-")
		case r >= ' ' && r <= '~':
			flush()
			b.WriteByte(byte(r))
		default:
			shifted = utf16.AppendRune(shifted, r)
		}
	}
	flush()
	return b.String()
}

// DecodeMailbox returns the name that wire stands for, in UTF-8, and whether
// wire was valid modified UTF-7. When it was not, a name in valid UTF-8 comes
// back as it is, and any other octets are read as Latin-1: a mailbox with a
// broken name is still a mailbox.
func DecodeMailbox(wire string) (string, bool) {
	if name, ok := decodeUTF7(wire); ok {
		return name, true
	}
	if utf8.ValidString(wire) {
		return wire, false
	}
	runes := make([]rune, len(wire))
	for i := range len(wire) {
		runes[i] = rune(wire[i])
	}
	return string(runes), false
}

func decodeUTF7(wire string) (string, bool) {
	if !plainASCII(wire) {
		return "", false
	}
	if !strings.Contains(wire, "&") {
		return wire, true
	}
	var b strings.Builder
	for wire != "" {
		plain, rest, shift := strings.Cut(wire, "&")
		b.WriteString(plain)
		if !shift {
			break
		}
		word, after, closed := strings.Cut(rest, "-")
		if !closed {
			return "", false
		}
		wire = after
		if word == "" {
			b.WriteByte('&')
			continue
		}
		s, ok := decodeShifted(word)
		if !ok {
			return "", false
		}
		b.WriteString(s)
	}
	return b.String(), true
}

// decodeShifted reads what stands between "&" and "-": UTF-16BE in base64.
func decodeShifted(word string) (string, bool) {
	raw, err := modifiedBase64.DecodeString(word)
	if err != nil || len(raw) == 0 || len(raw)%2 != 0 {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(raw); i += 2 {
		r := rune(raw[i])<<8 | rune(raw[i+1])
		if utf16.IsSurrogate(r) {
			i += 2
			if i >= len(raw) {
				return "", false
			}
			r = utf16.DecodeRune(r, rune(raw[i])<<8|rune(raw[i+1]))
			if r == utf8.RuneError {
				return "", false
			}
		}
		b.WriteRune(r)
	}
	return b.String(), true
}

// plainASCII reports whether s holds printable ASCII only.
func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// isInbox reports whether the whole name is INBOX, in any case (RFC 3501
// section 5.1).
func isInbox(name string) bool { return strings.EqualFold(name, "INBOX") }
