package imapconn

import (
	"testing"
	"unicode/utf8"
)

func TestMailboxNames(t *testing.T) {
	tests := []struct{ name, utf8, wire string }{
		{"plain", "Sent", "Sent"},
		{"ampersand", "R&D", "R&-D"},
		{"umlaut", "Entwürfe", "Entw&APw-rfe"},
		{"RFC 3501's own", "~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
		{"emoji, outside the BMP", "😀", "&2D3eAA-"},
		{"blank and quotes", ` a"b\c `, ` a"b\c `},
		{"tab", "a\tb", "a&AAk-b"},
		{"tilde and DEL", "~\x7f", "~&AH8-"},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := EncodeMailbox(tt.utf8); got != tt.wire {
				t.Errorf("EncodeMailbox = %q, want %q", got, tt.wire)
			}
			if got, ok := DecodeMailbox(tt.wire); got != tt.utf8 || !ok {
				t.Errorf("DecodeMailbox = %q, %v, want %q", got, ok, tt.utf8)
			}
		})
	}
}

func TestDecodeMailboxOdd(t *testing.T) {
	tests := []struct {
		name, wire, want string
		ok               bool
	}{
		{"bare ampersand", "R&D", "R&D", false},
		{"bad base64", "a&!!-", "a&!!-", false},
		{"odd octets", "a&AA-", "a&AA-", false},
		{"bits left over", "&AOl-", "&AOl-", false},
		{"half a surrogate pair", "&2D0-", "&2D0-", false},
		{"second half first", "&3gDYPQ-", "&3gDYPQ-", false},
		{"raw UTF-8", "Entwürfe", "Entwürfe", false},
		{"raw Latin-1", "Entw\xfcrfe", "Entwürfe", false},
		{"two shifts in a row", "&AOk-&AOk-", "éé", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := DecodeMailbox(tt.wire)
			if got != tt.want || ok != tt.ok {
				t.Errorf("got %q, %v, want %q, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestEncodeMailboxBadUTF8(t *testing.T) {
	if got := EncodeMailbox("Entw\xfcrfe"); got != "Entw&APw-rfe" {
		t.Errorf("got %q", got)
	}
}

func FuzzMailboxNames(f *testing.F) {
	for _, s := range []string{"R&D", "&U,BTFw-", "&-", "&", "&AGE-", "a\x80", "😀", "&2D3eAA-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		decoded, _ := DecodeMailbox(s)
		if !utf8.ValidString(decoded) {
			t.Fatalf("DecodeMailbox(%q) = %q: no UTF-8", s, decoded)
		}
		wire := EncodeMailbox(s)
		if !plainASCII(wire) {
			t.Fatalf("EncodeMailbox(%q) = %q: not printable ASCII", s, wire)
		}
		back, ok := DecodeMailbox(wire)
		if !ok {
			t.Fatalf("EncodeMailbox(%q) = %q cannot be read back", s, wire)
		}
		if utf8.ValidString(s) && back != s {
			t.Fatalf("%q came back as %q", s, back)
		}
	})
}
