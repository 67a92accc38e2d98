package imaptest

import (
	"maps"
	"strings"
	"testing"
)

// changing is a server with two messages of its own and one that was appended.
func changing(t *testing.T, box FakeMailbox, caps ...string) *Fake {
	t.Helper()
	box.Name, box.Count = "INBOX", 2
	box.Message = func(i int) FakeMessage { return FakeMessage{Flags: []string{`\Seen`, "Work"}[i], Body: []byte("x")} }
	f := NewFake(t, FakeOptions{Caps: append(FakeCaps(), caps...)}, box, FakeMailbox{Name: "top", NoSelect: true})
	talk(t, f, "a LOGIN u p", "b APPEND INBOX (\\Draft) {3+}\r\nnew")
	return f
}

func TestFakeStore(t *testing.T) {
	f := changing(t, FakeMailbox{})
	got := talk(t, f, "a LOGIN u p", "b SELECT INBOX", `c UID STORE 1,3 +FLAGS.SILENT (\seen $F)`, `d UID STORE 2:3 -FLAGS (work \DRAFT)`,
		`e UID STORE 1 FLAGS (a)`, "f UID STORE 1 WRONG (a)", "g UID FETCH 1:* (FLAGS)")
	for _, want := range []string{
		"\r\nc OK", "* 2 FETCH (UID 2 FLAGS ())\r\n* 3 FETCH (UID 3 FLAGS (\\seen $F))\r\nd OK", "* 1 FETCH (UID 1 FLAGS (a))\r\ne OK",
		"f BAD", "* 1 FETCH (UID 1 FLAGS (a))\r\n* 2 FETCH (UID 2 FLAGS ())\r\n* 3 FETCH (UID 3 FLAGS (\\seen $F))\r\ng OK",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "MODSEQ") {
		t.Errorf("mod-sequences without CONDSTORE:\n%s", got)
	}
	want := map[uint32]string{1: "a", 2: "", 3: `\seen $F`}
	if now := f.Flags("INBOX"); !maps.Equal(now, want) || f.Stored("INBOX")[0].Flags != want[3] || f.Flags("nowhere") != nil {
		t.Errorf("%v, stored %v", now, f.Stored("INBOX"))
	}
	if v := f.Violations(); len(v) != 0 {
		t.Errorf("violations %q", v)
	}
	got = talk(t, f, "a LOGIN u p", "b EXAMINE INBOX", "c UID STORE 1 FLAGS ()", "d UID FETCH 1 (FLAGS) (CHANGEDSINCE 1)")
	if !strings.Contains(got, "c NO") || !strings.Contains(got, "d BAD") || len(f.Violations()) != 2 {
		t.Errorf("%q, violations %q", got, f.Violations())
	}
}

func TestFakeCondstore(t *testing.T) {
	f := changing(t, FakeMailbox{}, "CONDSTORE", "LIST-EXTENDED", "LIST-STATUS")
	if err := f.SetFlags("INBOX", 1, `\Seen \Flagged`); err != nil {
		t.Fatal(err)
	}
	if f.SetFlags("nowhere", 1, "") == nil {
		t.Error("SetFlags in no mailbox: no error")
	}
	got := talk(t, f, "a LOGIN u p", `b LIST "" "*" RETURN (SUBSCRIBED STATUS (MESSAGES HIGHESTMODSEQ))`, "c STATUS INBOX (HIGHESTMODSEQ)",
		"d SELECT INBOX", "e UID FETCH 1:* (UID FLAGS) (CHANGEDSINCE 1)", "f UID FETCH 1:* (UID FLAGS) (CHANGEDSINCE 2)",
		`g UID STORE 2 +FLAGS.SILENT (x)`, "h UID FETCH 1:* (UID FLAGS) (CHANGEDSINCE 3)", "i UID FETCH 1:* (UID) (CHANGEDSINCE 0)")
	for _, want := range []string{
		"\"INBOX\"\r\n* STATUS \"INBOX\" (MESSAGES 3 HIGHESTMODSEQ 3)\r\n* LIST (\\NoSelect) \"/\" \"top\"\r\nb OK", "(HIGHESTMODSEQ 3)\r\nc OK", "[HIGHESTMODSEQ 3]",
		"* 1 FETCH (UID 1 FLAGS (\\Seen \\Flagged) MODSEQ (3))\r\n* 3 FETCH (UID 3 FLAGS (\\Draft) MODSEQ (2))\r\ne OK",
		"e OK UID FETCH done\r\n* 1 FETCH (UID 1 FLAGS (\\Seen \\Flagged) MODSEQ (3))\r\nf OK",
		"* 2 FETCH (UID 2 MODSEQ (4))\r\ng OK UID STORE done\r\n* 2 FETCH (UID 2 FLAGS (Work x) MODSEQ (4))\r\nh OK", "i BAD",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}

	none := changing(t, FakeMailbox{NoModSeq: true}, "CONDSTORE")
	got = talk(t, none, "a LOGIN u p", "b STATUS INBOX (HIGHESTMODSEQ)", "c SELECT INBOX", "d UID FETCH 1 (FLAGS) (CHANGEDSINCE 1)", `e UID STORE 1 +FLAGS.SILENT (x)`,
		`f LIST "" "*" RETURN (STATUS (MESSAGES))`)
	for _, want := range []string{"(HIGHESTMODSEQ 0)", "[NOMODSEQ]", "d BAD", "d BAD no mod-sequences here\r\ne OK", "f BAD"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}

	plain := changing(t, FakeMailbox{}, "LIST-EXTENDED")
	got = talk(t, plain, "a LOGIN u p", "b STATUS INBOX (HIGHESTMODSEQ)", `c LIST "" "*" RETURN (STATUS (MESSAGES))`, "d SELECT INBOX")
	if !strings.Contains(got, "b BAD") || !strings.Contains(got, "c BAD") || strings.Contains(got, "MODSEQ 1") {
		t.Errorf("%s", got)
	}
}
