//go:build unix

package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// accounts is a server that keeps accounts, real or within the process.
type accounts interface {
	AddUser(name, password string) error
	Access(user, password string) imaptest.Access
}

// TestEveryServerToEveryOther: a list in which every server is the source of
// every other one, with a mailbox of odd messages. Each row ends done or
// incomplete, with each message accounted for, and running it again sends
// nothing but what was refused before, which may be taken now: Dovecot says of a
// date before 1970, once it has it in its cache, that it is one of 2106.
func TestEveryServerToEveryOther(t *testing.T) {
	t.Parallel()
	memory, err := imaptest.NewMemory(imaptest.MemoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	imaptest.CloseAfter(t, memory)
	servers := map[string]accounts{
		"dovecot": imaptest.NewDovecotSlash(t), "cyrus": imaptest.NewCyrus(t),
		"courier": imaptest.NewCourier(t, imaptest.CourierOptions{}), "memory": memory,
	}
	s := &site{t: t, dir: t.TempDir()}
	rows := eachToEach(t, servers)
	s.list(rows...)
	listed := map[string]int{} // by line, in the first pass
	before := map[string]int{} // the rejects of the first pass, by line
	for pass := 1; pass <= 2; pass++ {
		e := s.run("run", "accounts.csv", "--parallel", "12", "--retries", "0")
		if e.code != exitDone && e.code != exitNotDone {
			t.Fatal(e)
		}
		rejects := map[string]int{}
		for _, r := range s.table("rejects.csv") {
			rejects[r["line"]]++
			if r["text"] == "" {
				t.Errorf("a reject without a word: %v", r)
			}
		}
		for line, r := range s.records("results.csv") {
			n := func(column string) int { return asInt(t, r[column]) }
			if pass == 1 {
				listed[line] = n("listed")
			} else if n("copied") != before[line]-rejects[line] {
				t.Errorf("line %s: the second pass copied %d, refused were %d and are %d", line, n("copied"), before[line], rejects[line])
			}
			if n("listed") != listed[line] || listed[line] < 50 || n("rejected") != rejects[line] || n("not_tried") != 0 ||
				n("copied")+n("already_there")+n("rejected") != n("listed") || (n("rejected") == 0) != (r["state"] == "done") {
				t.Errorf("pass %d, line %s: %v\n%d rejects\n%s", pass, line, r, rejects[line], rows[asInt(t, line)-1])
			}
		}
		before = rejects
	}
}

// eachToEach fills an account of every server with odd messages and returns the
// rows of a list that takes each to all other servers.
func eachToEach(t *testing.T, servers map[string]accounts) (rows []string) {
	t.Helper()
	odd := slices.DeleteFunc(imaptest.OddMessages(), func(m imaptest.OddMessage) bool { return m.Name == imaptest.OddLarge })
	var fill errgroup.Group
	names := slices.Sorted(maps.Keys(servers))
	for _, from := range names {
		src := servers[from]
		if err := src.AddUser("from", secret(1, from)); err != nil {
			t.Fatal(err)
		}
		a := src.Access("from", secret(1, from))
		fill.Go(func() error {
			_, err := imaptest.FillOdd(t.Context(), a, "INBOX", odd)
			return err
		})
		for _, to := range names {
			if to == from {
				continue
			}
			dst := servers[to]
			user := "of" + from
			if err := dst.AddUser(user, secret(2, user)); err != nil {
				t.Fatal(err)
			}
			b := dst.Access(user, secret(2, user))
			rows = append(rows, fmt.Sprintf("imap+insecure://%s;from;%s;imap+insecure://%s;%s;%s;", a.Addr, a.Password, b.Addr, b.User, b.Password))
		}
	}
	if err := fill.Wait(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func asInt(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
