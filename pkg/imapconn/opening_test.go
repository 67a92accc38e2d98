package imapconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// Several mailboxes are opened and searched before the first answer comes, and
// each gets what is its own.
func TestOpeningsInFlight(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("")
		var tags []string
		for _, command := range []string{
			`EXAMINE "a"`, "UID SEARCH ALL", "UID FETCH 1:2 (UID FLAGS)",
			`EXAMINE "gone"`, "UID SEARCH ALL",
			`SELECT "b"`, "UID SEARCH UID 5:*", "UID FETCH 9 (UID FLAGS)",
		} {
			tags = append(tags, s.exact(command))
		}
		s.say("* 2 EXISTS", "* OK [UIDVALIDITY 1] a", tags[0]+" OK [READ-ONLY] done", "* SEARCH 1 2", tags[1]+" OK done")
		s.say(`* 1 FETCH (UID 1 FLAGS (\Seen))`, "* 3 EXISTS", "* SEARCH 77", "* 2 FETCH (UID 2 FLAGS ())", tags[2]+" OK done")
		s.say("* 4 EXISTS", tags[3]+" NO [NONEXISTENT] no", tags[4]+" BAD No mailbox selected")
		s.say("* 5 FETCH (UID 5 FLAGS ())", "* 1 EXISTS", "* OK [UIDVALIDITY 2] b", tags[5]+" OK [READ-WRITE] done")
		s.say("* SEARCH 9", tags[6]+" OK done", "* 1 FETCH (UID 9 FLAGS ())", tags[7]+" OK done")
		s.logout()
	}))
	ctx := t.Context()
	var openings []*Opening
	var searches []*Searching
	var fetches []*Fetching
	var got [2][]uint32
	open := func(start func(context.Context, string) (*Opening, error), name string, from uint32) {
		o, err := start(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.StartUIDs(ctx, from)
		if err != nil {
			t.Fatal(err)
		}
		openings, searches = append(openings, o), append(searches, s)
	}
	fetch := func(i int, set ...Range) {
		f, err := c.Fetch(ctx, set, ItemFlags, FetchHandler{Message: func(m *Message) error { got[i] = append(got[i], m.UID); return nil }})
		if err != nil {
			t.Fatal(err)
		}
		fetches = append(fetches, f)
	}
	open(c.StartExamine, "a", 0)
	fetch(0, Range{1, 2})
	open(c.StartExamine, "gone", 0)
	open(c.StartSelect, "b", 5)
	fetch(1, Range{9, 9})

	for i, want := range []string{"2 1 true [1 2] <nil>", "", "1 2 false [9] <nil>"} {
		sel, err := openings[i].Wait(ctx)
		uids, serr := searches[i].Wait(ctx)
		if want == "" {
			wantFault(t, err, fault.MailboxRefused, fault.Mailbox, false)
			if serr == nil {
				t.Error("a search in a mailbox that was refused is no error")
			}
			continue
		}
		if say := fmt.Sprint(sel.Exists, sel.UIDValidity, sel.ReadOnly, uids, serr); err != nil || say != want {
			t.Errorf("%d: got %s, %v, want %s", i, say, err, want)
		}
	}
	for _, f := range fetches {
		if err := f.Wait(ctx); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(got[0], []uint32{1, 2}) || !slices.Equal(got[1], []uint32{9}) {
		t.Errorf("fetched %v", got)
	}
}

// How many messages a search must name is the matter of its own mailbox.
func TestShortSearchInFlight(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("")
		a, searchA := s.exact(`EXAMINE "a"`), s.exact("UID SEARCH ALL")
		b, searchB := s.exact(`EXAMINE "b"`), s.exact("UID SEARCH ALL")
		s.say("* 3 EXISTS", a+" OK", "* SEARCH 1 2", searchA+" OK", "* 1 EXISTS", b+" OK", "* SEARCH 1", searchB+" OK")
		s.logout()
	}))
	var searches []*Searching
	for _, name := range []string{"a", "b"} {
		if _, err := c.StartExamine(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		s, err := c.StartUIDs(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		searches = append(searches, s)
	}
	if uids, err := searches[1].Wait(t.Context()); err != nil || len(uids) != 1 {
		t.Errorf("the second: %v, %v", uids, err)
	}
	if _, err := searches[0].Wait(t.Context()); !errors.Is(err, ErrShort) {
		t.Errorf("the first: %v", err)
	}
}

// A real server opens the next mailbox only when it has answered all that is
// about the one before, whose FETCH it cannot get rid of meanwhile.
func TestDovecotOpeningsInFlight(t *testing.T) {
	d := imaptest.NewDovecotSlash(t)
	if err := d.AddUser("u", "p"); err != nil {
		t.Fatal(err)
	}
	const each, octets = 40, 400_000
	c := dial(t, dovecotConfig(d, "u", "p"))
	ctx := t.Context()
	for i, name := range []string{"a", "b"} {
		if err := createOne(ctx, c, name, ""); err != nil {
			t.Fatal(err)
		}
		fill(t, c, name, each+i, octets)
	}
	started := make(chan struct{})
	var got [2][]uint32
	fetch := func(i int) *Fetching {
		f, err := c.Fetch(ctx, []Range{{1, 1000}}, ItemFlags|ItemBody, FetchHandler{Message: func(m *Message) error {
			<-started // the sockets between here and the server fill
			if m.UID != 0 && m.HasBody {
				got[i] = append(got[i], m.UID)
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	if _, err := c.Examine(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	fetchA := fetch(0)
	searchA, err := c.StartUIDs(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	openB, err := c.StartExamine(ctx, "b")
	if err != nil {
		t.Fatal(err)
	}
	searchB, err := c.StartUIDs(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	fetchB := fetch(1)
	close(started)
	uidsA, err := searchA.Wait(ctx)
	if err != nil || len(uidsA) != each {
		t.Errorf("a holds %v, %v", uidsA, err)
	}
	sel, err := openB.Wait(ctx)
	if err != nil || sel.Exists != each+1 {
		t.Errorf("b: %+v, %v", sel, err)
	}
	uidsB, err := searchB.Wait(ctx)
	if err != nil || len(uidsB) != each+1 {
		t.Errorf("b holds %v, %v", uidsB, err)
	}
	for _, f := range []*Fetching{fetchA, fetchB} {
		if err := f.Wait(ctx); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(got[0], uidsA) || !slices.Equal(got[1], uidsB) {
		t.Errorf("fetched %v of %v and %v of %v", got[0], uidsA, got[1], uidsB)
	}
}

// fill appends n messages of the given octets.
func fill(t *testing.T, c *Conn, mailbox string, n, octets int) {
	t.Helper()
	body := "Subject: fill\r\n\r\n" + strings.Repeat("0123456789abcdef\r\n", octets/18)
	a, err := c.Append(t.Context(), mailbox)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		if err := a.Add(t.Context(), Head{}, int64(len(body)), io.MultiReader(strings.NewReader(body))); err != nil {
			t.Fatal(err)
		}
	}
	p, err := a.Finish(t.Context())
	if err == nil {
		_, err = p.Wait(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}
