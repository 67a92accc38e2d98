package imapconn

import (
	"reflect"
	"strings"
	"testing"
)

func TestSplitCode(t *testing.T) {
	tests := []struct{ in, code, text string }{
		{"[UIDVALIDITY 5] UIDs valid", "UIDVALIDITY 5", "UIDs valid"},
		{"[READ-WRITE] ok", "READ-WRITE", "ok"},
		{"no code [at all]", "", "no code [at all]"},
		{`[PERMANENTFLAGS (\Answered [b] \*)] x`, `PERMANENTFLAGS (\Answered [b] \*)`, "x"},
		{`[PERMANENTFLAGS (\Answered] x`, `PERMANENTFLAGS (\Answered`, "x"},
		{"[never closed", "", "[never closed"},
		{"[] empty", "", "empty"},
		{"", "", ""},
	}
	for _, tt := range tests {
		if code, text := splitCode(tt.in); code != tt.code || text != tt.text {
			t.Errorf("%q: %q %q, want %q %q", tt.in, code, text, tt.code, tt.text)
		}
	}
}

func TestLoginFilter(t *testing.T) {
	f := new(loginFilter)
	steps := []struct{ name, in, want string }{
		{"greeting without code", "* OK Dovecot ready.\r\n", "* OK [CAPABILITY IMAP4rev1] done\r\n"},
		{"capabilities without rev2 and odd ones", "* CAPABILITY IMAP4rev1  IMAP4rev2 LITERAL+ auth=plain b\xe4d (x)\r\n", "* CAPABILITY IMAP4rev1 LITERAL+ AUTH=PLAIN\r\n"},
		{"tagged OK gets the known ones", "T1 OK done\r\n", "T1 OK [CAPABILITY IMAP4rev1 LITERAL+ AUTH=PLAIN] done\r\n"},
		{"odd untagged lines are dropped", "* ID (\"name\" NIL)\r\n", ""},
		{"alerts too", "* NO [ALERT] hello\r\n", ""},
		{"refusal without its odd code", "T2 NO [] go away\r\n", "T2 NO refused\r\n"},
		{"tagged OK with new ones", "T3 OK [CAPABILITY IMAP4rev1 MULTIAPPEND] in\r\n", "T3 OK [CAPABILITY IMAP4rev1 MULTIAPPEND] done\r\n"},
	}
	for _, s := range steps {
		if got := string(f.line([]byte(s.in))); got != s.want {
			t.Errorf("%s: %q, want %q", s.name, got, s.want)
		}
	}
	if names, lists := f.caps(); strings.Join(names, " ") != "IMAP4rev1 MULTIAPPEND" || lists != 2 {
		t.Errorf("caps %q, %d lists", names, lists)
	}
	f.line([]byte("T4 NO [AUTHENTICATIONFAILED x y] words\r\n"))
	if got := f.last(); got != (statusReply{"NO", "AUTHENTICATIONFAILED x y", "words"}) {
		t.Errorf("last %+v", got)
	}
}

func TestCaps(t *testing.T) {
	c := parseCaps(strings.Fields("IMAP4rev1 quota literal+ Literal- MULTIAPPEND UIDPLUS QRESYNC LIST-EXTENDED LIST-STATUS STATUS=SIZE SPECIAL-USE CREATE-SPECIAL-USE UNSELECT ESEARCH NAMESPACE ID APPENDLIMIT=35651584 AUTH=PLAIN LOGINDISABLED STARTTLS"))
	want := Caps{Quota: true, LiteralPlus: true, LiteralMinus: true, MultiAppend: true, UIDPlus: true, Condstore: true, QResync: true,
		ListExtended: true, ListStatus: true, StatusSize: true, SpecialUse: true, CreateSpecialUse: true, Unselect: true,
		ESearch: true, Namespace: true, ID: true, AppendLimit: 35651584, authPlain: true, loginDisabled: true, startTLS: true}
	if !capsEqual(c, want) {
		t.Errorf("got %+v", c)
	}
	if c := parseCaps([]string{"IMAP4rev2", "APPENDLIMIT", "APPENDLIMIT=-1", "XLITERAL+"}); !capsEqual(c, Caps{MailboxAppendLimit: true}) {
		t.Errorf("got %+v", c)
	}
}

func capsEqual(a, b Caps) bool {
	a.Raw, b.Raw = nil, nil
	return reflect.DeepEqual(a, b)
}
