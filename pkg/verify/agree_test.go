package verify_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/verify"
)

// tally counts what is different in one mailbox: messages of the source that
// are not there as they were, messages of the destination that are too much,
// and those whose date or flags alone differ.
type tally struct{ missing, extra, marks int }

// TestAgrees: whatever is planted, a deep look without a ledger counts what an
// independent reader counts, mailbox by mailbox.
func TestAgrees(t *testing.T) {
	hosts(t, func(t *testing.T, src, dst host) {
		seeds := 25
		if dst.real {
			seeds = 2
		}
		for seed := range seeds {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				agree(t, src, dst, uint64(seed))
			})
		}
	})
}

func agree(t *testing.T, src, dst host, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 7))
	r := newRig(t, src, dst)
	m := &meddler{r: r, rnd: rnd, boxes: map[string][]imaptest.Message{}}
	for _, path := range m.paths() {
		all := mail(path, 6+rnd.IntN(10))
		all = append(all, all[rnd.IntN(len(all))], all[rnd.IntN(len(all))]) // twins
		r.fill(src, path, all...)
		m.boxes[path] = all
	}
	r.migrate()
	for range rnd.IntN(9) {
		m.meddle()
	}
	rep := r.verify(func(o *verify.Options) { o.Deep, o.Ledger = true, nil })
	want := independent(t, r)
	if d := cmp.Diff(want, counted(rep), cmp.AllowUnexported(tally{})); d != "" {
		t.Errorf("after %q (-independent +verify):\n%s%+v", m.done, d, rep.Findings)
	}
	if sum := total(want); sum.missing > 0 && rep.State != verify.Incomplete || len(want) == 0 && (rep.State != verify.Verified || len(rep.Findings) > 0) {
		t.Errorf("%s with %+v", rep.State, want)
	}
}

func total(all map[string]tally) (sum tally) {
	for _, c := range all {
		sum.missing, sum.extra, sum.marks = sum.missing+c.missing, sum.extra+c.extra, sum.marks+c.marks
	}
	return sum
}

// meddler changes a destination behind the program's back. boxes is what
// stands there, in order.
type meddler struct {
	r     *rig
	rnd   *rand.Rand
	boxes map[string][]imaptest.Message
	done  []string
}

func (m *meddler) paths() []string { return []string{"INBOX", "Sent", "Work/2024"} }

func (m *meddler) meddle() {
	path := m.paths()[m.rnd.IntN(3)]
	n := m.rnd.IntN(len(m.boxes[path]))
	msg := m.boxes[path][n]
	msg.Body = slices.Clone(msg.Body)
	what := []string{"remove", "octet", "date", "unflag", "flag", "move", "copy", "new"}[m.rnd.IntN(8)]
	m.done = append(m.done, fmt.Sprintf("%s %s %d", what, path, n))
	switch what {
	case "remove":
		m.take(path, n)
	case "octet":
		m.take(path, n)
		msg.Body[m.rnd.IntN(len(msg.Body)-30)+5] ^= 1
		m.put(path, msg)
	case "date":
		m.take(path, n)
		msg.Date = msg.Date.Add(time.Duration(1+m.rnd.IntN(100)) * time.Minute)
		m.put(path, msg)
	case "unflag":
		m.r.do(m.r.dst, path, fmt.Sprintf(`STORE %d -FLAGS (\Seen \Answered \Flagged)`, n+1))
	case "flag":
		m.r.do(m.r.dst, path, fmt.Sprintf(`STORE %d +FLAGS (\Draft)`, n+1))
	case "move":
		m.take(path, n)
		m.put(m.paths()[m.rnd.IntN(3)], msg)
	case "copy":
		m.put(path, msg)
	case "new":
		m.put(path, mail(fmt.Sprintf("new%d", len(m.done)), 1)[0])
	}
}

func (m *meddler) take(path string, n int) {
	m.r.remove(m.r.dst, path, n+1)
	m.boxes[path] = slices.Delete(m.boxes[path], n, n+1)
}

func (m *meddler) put(path string, msg imaptest.Message) {
	m.r.fill(m.r.dst, path, msg)
	m.boxes[path] = append(m.boxes[path], msg)
}

var (
	saysMissing = regexp.MustCompile(`^mailbox "(.*)": missing in the second account: `)
	saysExtra   = regexp.MustCompile(`^mailbox "(.*)": too much in the second account: `)
	saysMarks   = regexp.MustCompile(`^mailbox "(.*)": .* is in the second account UID `)
)

// independent counts by imaptest's own reader.
func independent(t *testing.T, r *rig) map[string]tally {
	out := map[string]tally{}
	lines := imaptest.Diff(r.dump(r.src), r.dump(r.dst), imaptest.DiffOptions{
		Name: func(name string) string { return r.dst.name(r.src.path(name)) }, FoldFlags: true, MoreMailboxes: true,
	})
	if len(lines) > 39 {
		t.Fatalf("more differences than Diff tells")
	}
	for _, line := range lines {
		for i, re := range []*regexp.Regexp{saysMissing, saysExtra, saysMarks} {
			if found := re.FindStringSubmatch(line); found != nil {
				c := out[found[1]]
				*[]*int{&c.missing, &c.extra, &c.marks}[i]++
				out[found[1]] = c
			}
		}
	}
	return out
}

// counted is a report by the same measure.
func counted(rep verify.Report) map[string]tally {
	out := map[string]tally{}
	add := func(mailbox string, missing, extra, marks int) {
		c := out[mailbox]
		c.missing, c.extra, c.marks = c.missing+missing, c.extra+extra, c.marks+marks
		out[mailbox] = c
	}
	type message struct {
		mailbox string
		uid     uint32
	}
	marks, changed := map[message]string{}, map[message]bool{}
	for _, f := range rep.Findings {
		switch f.Kind {
		case verify.Missing:
			add(f.DestMailbox, 1, 0, 0)
		case verify.Content:
			add(f.DestMailbox, 1, 1, 0)
			changed[message{f.Mailbox, f.UID}] = true
		case verify.WrongMailbox:
			add(f.Belongs, 1, 0, 0)
			add(f.DestMailbox, 0, 1, 0)
		case verify.Duplicate, verify.NotOurs:
			add(f.DestMailbox, 0, 1, 0)
		default:
			marks[message{f.Mailbox, f.UID}] = f.DestMailbox
		}
	}
	for m, dest := range marks {
		if !changed[m] {
			add(dest, 0, 0, 1)
		}
	}
	return out
}
