package main

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// password is every user's.
const password = "secret"

// account is one of the source, filled and read back.
type account struct {
	user     string
	boxes    []imaptest.Mailbox
	contents *imaptest.Contents // as another client than the measured ones sees it
	counts   map[string]tally   // by name on the wire
	messages int
	octets   int64

	sizes []boxSizes // what contents say, for fill
	text  []byte     // a message of the largest size; shared
}

// boxSizes are the octets of each message of a mailbox.
type boxSizes struct {
	name  string // on the wire
	sizes []int64
}

// The sets of accounts that cases work on.
const (
	realistic  = "real" // 2,000 messages in 8 mailboxes, about 150 MB
	large      = "full" // one of 16,000 messages in 8 mailboxes, about 1 GiB
	small      = "tiny" // 2,000 messages of 2 KB
	huge       = "huge" // 20,000 messages of 2 KB in one mailbox
	quiet      = "calm" // 20,000 messages of 2 KB in 40 mailboxes
	skewed     = "skew" // eight accounts, the first of which holds 80 % of all octets
	brief      = "brie" // 200 messages in 8 mailboxes, about 15 MB
	briefSmall = "bris" // 1,000 messages of 2 KB
	even       = "even" // the messages of skewed, in equal parts
)

// mostAccounts is how many accounts a set has at most.
const mostAccounts = 8

// seed makes every run of the bench measure the same messages.
const seed = 20260101

// mix is what mail is like: sizes with a median of 12 KB, a mean of about
// 75 KB and a tail up to 25 MB; most messages ordinary, some odd.
func mix(n uint64) *imaptest.Generator {
	return imaptest.NewGenerator(seed+n, imaptest.Spec{
		Median: 12 << 10, Mean: 75 << 10, Max: 25 << 20,
		EightBit: 0.15, Duplicate: 0.02, NoMessageID: 0.02, Flags: 0.8,
		Keywords: []string{"$Forwarded", "NonJunk"},
	})
}

// short makes messages of 2 KB.
func short(n uint64) *imaptest.Generator {
	return imaptest.NewGenerator(seed+n, imaptest.Spec{Median: 2 << 10, Flags: 0.8})
}

// contentsOf returns the mailboxes of each account of a set.
func contentsOf(set string, scale float64) [][]imaptest.Mailbox {
	scaled := func(n int) int { return max(1, int(float64(n)*scale)) }
	var out [][]imaptest.Mailbox
	switch set {
	case realistic, small:
		make := mix
		if set == small {
			make = short
		}
		for i := range mostAccounts {
			out = append(out, spread(make(uint64(i)).Message, 0, scaled(2000)))
		}
	case brief:
		for i := range mostAccounts {
			out = append(out, spread(mix(200+uint64(i)).Message, 0, scaled(200)))
		}
	case briefSmall:
		for i := range mostAccounts {
			out = append(out, spread(short(200+uint64(i)).Message, 0, scaled(1000)))
		}
	case large:
		out = append(out, spread(mix(0).Message, 0, scaled(16_000)))
	case huge:
		out = append(out, []imaptest.Mailbox{short(0).Mailbox("INBOX", scaled(20_000))})
	case quiet:
		g := short(0)
		var boxes []imaptest.Mailbox
		for i := range 40 {
			boxes = append(boxes, g.Mailbox(fmt.Sprintf("Projects/%02d", i+1), scaled(500)))
		}
		out = append(out, boxes)
	case skewed, even:
		message, n := mix(100).Message, scaled(8*1000)
		from := 0
		for _, to := range cuts(message, n, set == skewed) {
			out = append(out, spread(message, from, to-from))
			from = to
		}
	}
	return out
}

// cuts says where each account's messages end, of n messages: after equal
// parts of the octets, or, if skewed, after 80 % and equal parts of the rest.
func cuts(message func(int) imaptest.Message, n int, skewed bool) []int {
	sums := make([]int64, n)
	var sum int64
	for i := range n {
		sum += int64(len(message(i).Body))
		sums[i] = sum
	}
	var ends []int
	at := 0
	for i := range mostAccounts - 1 {
		share := float64(i+1) / mostAccounts
		if skewed {
			share = 0.8 + 0.2*float64(i)/(mostAccounts-1)
		}
		for at < n && float64(sums[at]) <= share*float64(sum) {
			at++
		}
		ends = append(ends, at)
	}
	return append(ends, n)
}

// spread puts n messages, counted from from, into mailboxes as people do.
func spread(message func(int) imaptest.Message, from, n int) []imaptest.Mailbox {
	parts := []struct {
		name  string
		share int // in percent
	}{
		{"Sent", 20}, {"Drafts", 1}, {"Trash", 5}, {"Work/2024/Ümläute & Co", 15}, {"Work/2025", 10}, {"sp ace (1)", 3}, {"empty", 0}, {"INBOX", 100},
	}
	var boxes []imaptest.Mailbox
	left := n
	for _, p := range parts {
		count := min(left, n*p.share/100)
		start := from + n - left
		boxes = append(boxes, imaptest.Mailbox{
			Name: p.name, Subscribed: p.name != "empty", Count: count,
			Make: func(i int) imaptest.Message { return message(start + i) },
		})
		left -= count
	}
	return boxes
}

// makeSet fills the accounts of a set at the source and reads them back, by
// which the source's caches are warm for whoever is measured first.
func makeSet(ctx context.Context, d *imaptest.Dovecot, set string, scale float64) ([]*account, error) {
	var accounts []*account
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, boxes := range contentsOf(set, scale) {
		a := &account{user: fmt.Sprintf("%s%d", set, i+1), boxes: boxes}
		accounts = append(accounts, a)
		if err := d.AddUser(a.user, password); err != nil {
			return nil, err
		}
		g.Go(func() error { return a.fill(gctx, d.Access(a.user, password)) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var largest int64
	for _, a := range accounts {
		for _, b := range a.sizes {
			for _, size := range b.sizes {
				largest = max(largest, size)
			}
		}
	}
	text := plainText(largest)
	for _, a := range accounts {
		a.text = text
	}
	return accounts, nil
}

// fill stores an account's messages and reads back what is there.
func (a *account) fill(ctx context.Context, end imaptest.Access) error {
	if err := imaptest.Fill(ctx, end, a.boxes...); err != nil {
		return err
	}
	var err error
	if a.contents, err = imaptest.Dump(ctx, end); err != nil {
		return err
	}
	if a.counts, err = countAccount(ctx, end); err != nil {
		return err
	}
	want := 0
	for _, b := range a.boxes {
		want += b.Len()
	}
	a.messages, a.octets = a.contents.Messages(), a.contents.Octets()
	if a.messages != want {
		return fmt.Errorf("%s: %d messages after filling, not %d", a.user, a.messages, want)
	}
	for _, m := range a.contents.Mailboxes {
		box := boxSizes{name: imaptest.EncodeName(m.Name)}
		for _, msg := range m.Messages {
			box.sizes = append(box.sizes, msg.Octets)
		}
		a.sizes = append(a.sizes, box)
	}
	return nil
}

// plainText is a message of more than n octets, from which fill cuts its own.
func plainText(n int64) []byte {
	line := []byte(strings.Repeat("x", 70) + "\r\n")
	text := []byte("From: a@example.org\r\nSubject: s\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n\r\n")
	return append(text, bytes.Repeat(line, int(n)/len(line)+1)...)
}

// cut returns a message of n octets. It does not end with a CR alone, which
// the server would drop.
func cut(text []byte, n int64) []byte {
	if n > 0 && text[n-1] == '\r' {
		return text[1 : n+1]
	}
	return text[:n]
}
