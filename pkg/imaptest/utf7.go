package imaptest

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// utf7 is the base64 of mailbox names (RFC 3501 section 5.1.3).
var utf7 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// EncodeName puts a mailbox name into modified UTF-7 (RFC 3501 section 5.1.3).
func EncodeName(name string) string {
	var b strings.Builder
	var odd []rune
	flush := func() {
		if len(odd) == 0 {
			return
		}
		var p []byte
		for _, u := range utf16.Encode(odd) {
			p = append(p, byte(u>>8), byte(u))
		}
		b.WriteString("&" + utf7.EncodeToString(p) + "-")
		odd = odd[:0]
	}
	for _, r := range name {
		switch {
		case r < 0x20 || r > 0x7e:
			odd = append(odd, r)
			continue
		case r == '&':
			flush()
			b.WriteString("&-")
		default:
			flush()
			b.WriteRune(r)
		}
	}
	flush()
	return b.String()
}

// DecodeName is the reverse of EncodeName. A name that is no modified UTF-7
// comes back as it is, with false.
func DecodeName(wire string) (string, bool) {
	var b strings.Builder
	for s := wire; s != ""; {
		c := s[0]
		if c != '&' {
			if c < 0x20 || c > 0x7e {
				return wire, false
			}
			b.WriteByte(c)
			s = s[1:]
			continue
		}
		code, rest, ok := strings.Cut(s[1:], "-")
		if !ok {
			return wire, false
		}
		if s = rest; code == "" {
			b.WriteByte('&')
			continue
		}
		p, err := utf7.DecodeString(code)
		if err != nil || len(p)%2 != 0 {
			return wire, false
		}
		var units []uint16
		for i := 0; i < len(p); i += 2 {
			units = append(units, uint16(p[i])<<8|uint16(p[i+1]))
		}
		for _, r := range utf16.Decode(units) {
			if r == utf8.RuneError {
				return wire, false
			}
			b.WriteRune(r)
		}
	}
	return b.String(), true
}
