package imaptest

import (
	"strings"
	"testing"
)

func TestFakeLimits(t *testing.T) {
	f := NewFake(t, FakeOptions{Caps: append(FakeCaps(), "QUOTA", "APPENDLIMIT"), Quota: []string{`"" (STORAGE 1 2)`, "b (MESSAGE 3 4)"}},
		FakeMailbox{Name: "INBOX", AppendLimit: "10", Count: 3, Message: func(i int) FakeMessage { return FakeMessage{Body: make([]byte, 5+i)} }})
	got := talk(t, f, "a LOGIN u p", `b GETQUOTAROOT "INBOX"`, "c STATUS INBOX (APPENDLIMIT)", "d SELECT INBOX", "e UID SEARCH RETURN (ALL) LARGER 5", "f UID SEARCH LARGER 7", "g UID SEARCH LARGER x", "h UID SEARCH SEEN")
	for _, want := range []string{
		"* QUOTAROOT \"INBOX\" \"\" b\r\n* QUOTA \"\" (STORAGE 1 2)\r\n* QUOTA b (MESSAGE 3 4)\r\nb OK", "(APPENDLIMIT 10)\r\nc OK",
		"UID ALL 2:3\r\ne OK", "* SEARCH\r\nf OK", "g BAD", "h BAD",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if v := f.Violations(); len(v) != 0 {
		t.Errorf("violations %q", v)
	}
	none := NewFake(t, FakeOptions{})
	got = talk(t, none, "a LOGIN u p", `b GETQUOTAROOT "INBOX"`, "c STATUS INBOX (APPENDLIMIT)")
	if !strings.Contains(got, "b BAD") || !strings.Contains(got, "c BAD") || len(none.Violations()) != 1 {
		t.Errorf("%s%q", got, none.Violations())
	}
}
