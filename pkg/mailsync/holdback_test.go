package mailsync_test

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/mapping"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// meanwhile does something once, after a pass has listed the account and before
// it opens a mailbox; further passes are as they were.
func (r *rig) meanwhile(do func()) {
	var once sync.Once
	r.options = func(o *mailsync.Options) {
		o.FlagsOff = true // what has no new mail is not opened
		o.OnMapping = func(account.Pair, *mapping.Map) { once.Do(do) }
	}
}

// What is gone from one mailbox while a pass goes on may stand in another that
// it has looked at already: nothing is deleted until a pass has seen it there.
func TestFollowDeletesOfMovedMail(t *testing.T) {
	hosts := []host{memoryHost(t)}
	if !testing.Short() {
		hosts = append(hosts, dotHost(t))
	}
	dst := memoryHost(t)
	for _, src := range hosts {
		for _, tt := range []struct {
			name string
			do   func(r *rig)
			next throughput.Count
		}{
			{"to one that is known", func(r *rig) { r.moves(src, "INBOX", "other", "5") },
				throughput.Count{Listed: 59, AlreadyThere: 58, Copied: 1, Deleted: 2}},
			{"to a new one", func(r *rig) {
				r.does(src, "INBOX", `CREATE "`+src.mailbox("new")+`"`, `UID MOVE 5 "`+src.mailbox("new")+`"`)
			}, throughput.Count{Listed: 59, AlreadyThere: 58, Copied: 1, Deleted: 2}},
			{"to one that was renamed then", func(r *rig) {
				r.does(src, "INBOX", `UID MOVE 5 "`+src.mailbox("other")+`"`, `RENAME "`+src.mailbox("other")+`" "`+src.mailbox("new")+`"`)
			}, throughput.Count{Listed: 59, AlreadyThere: 28, Copied: 31, Deleted: 2, GoneKept: 30}},
		} {
			t.Run(src.name+"/"+tt.name, func(t *testing.T) {
				r := thirty(t, src, dst)
				r.deletes(src, "INBOX", "3")
				r.meanwhile(func() { tt.do(r) })
				r.rules.Deletes = true
				c := r.mustSync()
				if c.Deleted != 0 || c.GoneKept != 2 {
					t.Errorf("while it moved: %+v", c)
				}
				r.holds("INBOX", 30)
				figures(t, "next pass", r.mustSync(), tt.next)
				r.holds("INBOX", 28)
			})
		}
	}
}

// Of a selected mailbox a server need not tell what has come since; where it
// cannot be left, another connection asks.
func TestFollowDeletesAsksAfresh(t *testing.T) {
	src, dst := memoryHost(t), memoryHost(t)
	command := regexp.MustCompile(`(?m)^\w+ (EXAMINE|UNSELECT|LOGIN|LIST|STATUS)\b`)
	for _, hide := range []string{"", "UNSELECT"} {
		r := thirty(t, src, dst)
		r.deletes(src, "INBOX", "5")
		var mu sync.Mutex
		var said []string
		r.before(false, imaptest.ProxyOptions{Hide: []string{hide}, Tap: func(_ int, dir imaptest.Direction, b []byte) {
			if dir != imaptest.Up {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for _, m := range command.FindAllSubmatch(b, -1) {
				said = append(said, string(m[1]))
			}
		}})
		r.rules.Deletes = true
		figures(t, "deleted", r.mustSync(), throughput.Count{Listed: 59, AlreadyThere: 59, Deleted: 1})
		want := "EXAMINE UNSELECT LIST"
		if hide != "" {
			want = "EXAMINE LOGIN LIST"
		}
		if got := strings.Join(slices.Compact(said), " "); !strings.HasSuffix(got, want) {
			t.Errorf("said %s, want %s at the end", got, want)
		}
	}
}

// A message that is gone from one mailbox may be what a rule leaves out of
// another one: then nothing is deleted, and it is said what to do.
func TestFollowDeletesWithRules(t *testing.T) {
	src, dst := memoryHost(t), memoryHost(t)
	exclude := []rules.Pattern{{Regexp: regexp.MustCompile("^(third|empty)$"), Raw: "^(third|empty)$"}}
	for _, tt := range []struct {
		name  string
		rules rules.Rules
		text  string // "": it is deleted
	}{
		{"a mailbox", rules.Rules{Exclude: exclude}, "mailbox third is left out (--exclude ^(third|empty)$)"},
		{"messages", rules.Rules{Messages: rules.Messages{MaxSize: 1000}}, "messages are left out by rule (1)"},
		{"nothing", rules.Rules{Messages: rules.Messages{MaxSize: 5000}}, ""},
		{"an empty mailbox", rules.Rules{SkipEmpty: true}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := thirty(t, src, dst)
			r.fillSource(imaptest.Mailbox{Name: "third", Messages: []imaptest.Message{letter("third", "2024-01-01T00:00:00Z", "", 2000)}}, imaptest.Mailbox{Name: "empty"})
			r.deletes(src, "INBOX", "5")
			r.rules = tt.rules
			r.rules.Deletes = true
			for range 2 {
				c, err := r.sync(t.Context())
				if tt.text == "" {
					if err != nil || c.Deleted != 1 || c.GoneKept != 0 {
						t.Errorf("%+v, %v", c, err)
					}
					return
				}
				f := fault.Of(err)
				if f == nil || f.Scope != fault.Mailbox || !strings.HasPrefix(f.Text, tt.text) || !strings.Contains(f.Hint, "without those rules") {
					t.Errorf("error %v", err)
				}
				if c.Deleted != 0 || c.GoneKept != 1 || !c.Balanced() || c.NotTried != 0 {
					t.Errorf("count %+v", c)
				}
			}
			r.holds("INBOX", 30)
		})
	}
}
