package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// script is a server whose connections are greeted and logged in before they
// follow theirs.
func script(t *testing.T, conns ...[]imaptest.Step) imaptest.Access {
	t.Helper()
	for i, c := range conns {
		conns[i] = append([]imaptest.Step{
			imaptest.Say("* OK ready"), imaptest.Expect(`LOGIN "u" "secret"`), imaptest.Say("$TAG OK in"),
		}, c...)
	}
	s := imaptest.NewScript(t, imaptest.ScriptOptions{}, conns...)
	return imaptest.Access{Addr: s.Addr(), User: "u", Password: password}
}

// twoMessages is the source of two messages.
func twoMessages(after ...imaptest.Step) []imaptest.Step {
	return append([]imaptest.Step{
		imaptest.Expect(`LIST "" "*"`),
		imaptest.Say(`* LIST (\NoSelect) "/" a`), imaptest.Say(`* LIST () "/" "a/b \"c\""`), imaptest.Say("$TAG OK done"),
		imaptest.Expect(`EXAMINE "a/b \"c\""`), imaptest.Say("* 2 EXISTS"), imaptest.Say("$TAG OK [READ-ONLY] done"),
		imaptest.Expect("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])"),
		imaptest.Say("* 1 FETCH (UID 7 FLAGS (\\Seen \\Recent k) INTERNALDATE \" 1-Feb-2020 03:04:05 +0100\" BODY[] {5}\r\nab{3})"),
		imaptest.Say("* 2 FETCH (FLAGS (\\Seen))"),
	}, after...)
}

func TestPipe(t *testing.T) {
	src := script(t, twoMessages(
		imaptest.Say("* 2 FETCH (UID 8 FLAGS () INTERNALDATE \"11-Feb-2020 03:04:05 +0100\" BODY[] {2}\r\n\r\n)"),
		imaptest.Say("$TAG OK done"), imaptest.Expect("LOGOUT"), imaptest.Say("* BYE"), imaptest.Say("$TAG OK bye"),
	))
	dst := script(t, []imaptest.Step{
		imaptest.Expect(`LIST "" "*"`), imaptest.Say(`* LIST () "/" INBOX`), imaptest.Say("$TAG OK done"),
		imaptest.Expect(`CREATE "a/b \"c\""`), imaptest.Say("$TAG OK done"),
		imaptest.Expect(`APPEND "a/b \"c\"" (\Seen k) " 1-Feb-2020 03:04:05 +0100" {5+}`),
		imaptest.ExpectOctets("ab{3}"), imaptest.ExpectLine(` () "11-Feb-2020 03:04:05 +0100" {2+}`),
		imaptest.ExpectOctets("\r\n"), imaptest.ExpectLine(""),
		imaptest.Say("$TAG OK [APPENDUID 1 1:2] done"), imaptest.Expect("LOGOUT"), imaptest.Say("$TAG OK bye"),
	})
	if err := pipe(t.Context(), src, dst, nil); err != nil {
		t.Fatal(err)
	}
}

// A raw limit that has left something out, or was refused, is no limit.
func TestDrainIncomplete(t *testing.T) {
	tests := []struct {
		name string
		end  []imaptest.Step
		want string
	}{
		{"too few", []imaptest.Step{imaptest.Say("$TAG OK done")}, `mailbox "a/b \"c\"" has 2 messages, 1 came`},
		{"refused", []imaptest.Step{imaptest.Say("$TAG NO [SERVERBUG] not now")}, `"NO [SERVERBUG] not now"`},
		{"cut", []imaptest.Step{imaptest.SayRaw("* 2 FETCH (UID 8 FLAGS () INTERNALDATE \"11-Feb-2020 03:04:05 +0100\" BODY[] {9}\r\nabc")}, "ends 6 octets early"},
		{"no date", []imaptest.Step{imaptest.Say("* 2 FETCH (UID 8 FLAGS () BODY[] {2}")}, "no INTERNALDATE"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := drain(t.Context(), script(t, twoMessages(tt.end...)), imaptest.Access{}, &account{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

func TestDialRefused(t *testing.T) {
	s := imaptest.NewScript(t, imaptest.ScriptOptions{},
		[]imaptest.Step{imaptest.Say("* BYE full")},
		[]imaptest.Step{imaptest.Say("* OK ready"), imaptest.Expect(`LOGIN "u" ""`), imaptest.Say("$TAG NO no")})
	for _, want := range []string{"* BYE full", `"NO no"`} {
		if _, err := dial(t.Context(), imaptest.Access{Addr: s.Addr(), User: "u"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A server that says nothing any more does not outlive the context.
func TestDialCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := script(t, []imaptest.Step{imaptest.Drain()})
	s, err := dial(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	cancel()
	if err := s.command("NOOP", nil); err == nil {
		t.Error("no error")
	}
}

func TestCount(t *testing.T) {
	a := script(t, []imaptest.Step{
		imaptest.Expect(`LIST "" "*" RETURN (STATUS (MESSAGES SIZE))`),
		imaptest.Say(`* LIST () "/" INBOX`), imaptest.Say("* STATUS INBOX (MESSAGES 3 SIZE 77)"),
		imaptest.Say(`* LIST () "/" "a b"`), imaptest.Say(`* STATUS "a b" (SIZE 5000000000 UIDNEXT 4)`),
		imaptest.Say("$TAG OK done"), imaptest.Expect("LOGOUT"), imaptest.Say("$TAG OK bye"),
	})
	got, err := countAccount(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]tally{"INBOX": {3, 77}, "a b": {0, 5_000_000_000}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// A command ends at 200 messages, or 16 MiB.
func TestAppenderEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		size          int64
		puts, waiting int // messages; those of the command that is not ended
	}{"messages": {10, 399, 199}, "octets": {9 << 20, 3, 1}} {
		a := &appender{mailbox: "a", s: newSession(&answering{})}
		for range tt.puts {
			err := a.put(message{date: []byte("d"), size: tt.size}, io.LimitReader(zeros{}, tt.size))
			if err != nil {
				t.Fatal(err)
			}
		}
		if a.messages != tt.waiting {
			t.Errorf("%s: %d messages wait, want %d", name, a.messages, tt.waiting)
		}
		if err := a.put(message{date: []byte("d"), size: 3}, strings.NewReader("xx")); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: a short body: %v", name, err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// answering takes everything and says OK to one command after the other.
type answering struct{ n int }

func (a *answering) Write(p []byte) (int, error) { return len(p), nil }

func (a *answering) Read(p []byte) (int, error) {
	a.n++
	return copy(p, "a"+string(rune('0'+a.n))+" OK done\r\n"), nil
}

// FuzzLines holds the readers of lines against what no server should say.
func FuzzLines(f *testing.F) {
	f.Add(`* 1 FETCH (UID 7 FLAGS (\Seen) INTERNALDATE " 1-Feb-2020 03:04:05 +0100" BODY[] {5}`)
	f.Add(`* 1 FETCH (FLAGS (`)
	f.Add(`"a \"b\" \\" rest`)
	f.Add(`"\`)
	f.Add("a1 OK")
	f.Fuzz(func(t *testing.T, line string) {
		m, ok, err := parseFetch([]byte(line))
		if ok && (err != nil || m.size < 0 || m.date == nil) {
			t.Errorf("%+v, %v", m, err)
		}
		if text, _, err := unquote(line); err == nil {
			if again, rest, err := unquote(quote(text) + " x"); again != text || rest != "x" || err != nil {
				t.Errorf("%q became %q, %v", text, again, err)
			}
		}
		if done, err := completed([]byte(line), "a1"); done && (err != nil || !strings.HasPrefix(line, "a1 OK")) {
			t.Errorf("%q completes a1: %v", line, err)
		}
	})
}
