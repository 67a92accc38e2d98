package batch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// The stop finds one row done, one failing by itself, one cut, one parked, one
// that ends all the same, and the rest never begun.
func TestSoftStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		rec := &recorder{}
		s := &syncFunc{f: func(ctx context.Context, p account.Pair) (throughput.Count, error) {
			switch p.Line {
			case 1:
				return throughput.Count{Listed: 1, Copied: 1}, nil
			case 2:
				return throughput.Count{}, throttled
			case 3:
				<-ctx.Done()
				time.Sleep(4 * time.Second) // to a message border
				return throughput.Count{Listed: 9, Copied: 4, NotTried: 5}, ctx.Err()
			case 4:
				<-ctx.Done()
				return throughput.Count{Listed: 1, Copied: 1}, nil
			case 5:
				<-ctx.Done()
				return throughput.Count{}, wrong
			default:
				<-ctx.Done()
				return throughput.Count{}, lost // its socket was closed
			}
		}}
		r := mustNew(t, Options{Syncer: s, Recorder: rec, Parallel: 4, Retries: 3, Retry: steady, Meter: throughput.NewRun()})
		start := time.Now()
		time.AfterFunc(time.Minute, stop)
		res, err := r.Run(ctx, rows(20))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want the context's", err)
		}
		if d := time.Since(start); d != 64*time.Second {
			t.Errorf("took %v, want 64 s", d)
		}
		want := []throughput.State{throughput.Done, throughput.Parked, throughput.Pending, throughput.Done, throughput.Failed, throughput.Pending, throughput.Pending}
		for i, state := range want {
			if res[i].State != state {
				t.Errorf("row %d is %v, want %v", i+1, res[i].State, state)
			}
		}
		if res[1].ParkedUntil.IsZero() || res[2].Fault != nil || res[2].Count.Copied != 4 {
			t.Errorf("parked row %+v, cut row %+v", res[1], res[2])
		}
		if s.calls != 6 || res[6].Attempts != 0 {
			t.Errorf("%d rows were started, want 6", s.calls)
		}
		if got := rec.last(3); got.State != "pending" || got.Copied != 4 || got.NotTried != 5 {
			t.Errorf("the cut row was saved as %+v", got)
		}
		if got := rec.last(2); got.State != "parked" || got.ParkedUntil.IsZero() {
			t.Errorf("the parked row was saved as %+v", got)
		}
		if got := rec.last(7); got.ID != 0 {
			t.Errorf("a row that was never started was saved: %+v", got)
		}
	})
}

func TestStopWhileAllWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		s := &syncFunc{f: func(context.Context, account.Pair) (throughput.Count, error) { return throughput.Count{}, throttled }}
		start := time.Now()
		time.AfterFunc(time.Second, stop)
		res, err := mustNew(t, Options{Syncer: s, Parallel: 4, Retries: 3}).Run(ctx, rows(3))
		if !errors.Is(err, context.Canceled) || time.Since(start) != time.Second {
			t.Errorf("error %v after %v", err, time.Since(start))
		}
		if states(res)[throughput.Parked] != 3 {
			t.Errorf("states %v", states(res))
		}
	})
}

func TestCanceledBeforeItBegins(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	s := &syncFunc{f: minute}
	res, err := mustNew(t, Options{Syncer: s, Parallel: 4}).Run(ctx, rows(3))
	if !errors.Is(err, context.Canceled) || s.calls != 0 || len(res) != 3 {
		t.Errorf("error %v, %d calls, %d results", err, s.calls, len(res))
	}
}

// A context error that is not the run's own is the row's trouble.
func TestStrayContextErrorIsTheRows(t *testing.T) {
	s := &syncFunc{f: func(context.Context, account.Pair) (throughput.Count, error) {
		return throughput.Count{}, context.DeadlineExceeded
	}}
	res, err := mustNew(t, Options{Syncer: s, Parallel: 1}).Run(t.Context(), rows(2))
	if err != nil || states(res)[throughput.Failed] != 2 {
		t.Errorf("error %v, states %v", err, states(res))
	}
}

func TestNoRows(t *testing.T) {
	res, err := mustNew(t, Options{Syncer: &syncFunc{f: minute}, Parallel: 4}).Run(t.Context(), nil)
	if err != nil || len(res) != 0 {
		t.Errorf("%v, %v", res, err)
	}
}

func TestEndState(t *testing.T) {
	tests := []struct {
		name string
		c    throughput.Count
		e    *fault.Error
		want throughput.State
	}{
		{"all copied", throughput.Count{Listed: 2, Copied: 2}, nil, throughput.Done},
		{"gone and filtered", throughput.Count{Listed: 2, Gone: 1, Filtered: 1}, nil, throughput.Done},
		{"empty account", throughput.Count{}, nil, throughput.Done},
		{"one rejected", throughput.Count{Listed: 2, Copied: 1, Rejected: 1}, nil, throughput.Incomplete},
		{"one not tried", throughput.Count{Listed: 2, Copied: 1, NotTried: 1}, nil, throughput.Incomplete},
		{"an empty mailbox refused", throughput.Count{MailboxesRefused: 1}, nil, throughput.Incomplete},
		{"mailbox fault", throughput.Count{Listed: 2, Copied: 2}, &fault.Error{Scope: fault.Mailbox}, throughput.Incomplete},
		{"message fault", throughput.Count{Listed: 2, Copied: 1, Rejected: 1}, &fault.Error{Scope: fault.Message}, throughput.Incomplete},
		{"quota", throughput.Count{Listed: 2, NotTried: 2}, &fault.Error{Code: fault.Quota}, throughput.Incomplete},
		{"rejects limit", throughput.Count{Listed: 2, Rejected: 1, NotTried: 1}, &fault.Error{Code: fault.TooManyRejects}, throughput.Incomplete},
		{"quota before the list", throughput.Count{}, &fault.Error{Code: fault.Quota}, throughput.Failed},
		{"lost in the middle", throughput.Count{Listed: 2, Copied: 1, NotTried: 1}, lost, throughput.Failed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := endState(tt.c, tt.e); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestJoinAttempts(t *testing.T) {
	tests := []struct {
		name              string
		before, now, want throughput.Count
	}{
		{
			"went on",
			throughput.Count{Listed: 10, Copied: 4, NotTried: 6, Octets: 40, Mailboxes: 1},
			throughput.Count{Listed: 10, AlreadyThere: 4, Copied: 6, Octets: 60, Mailboxes: 1},
			throughput.Count{Listed: 10, Copied: 10, Octets: 100, Mailboxes: 1},
		},
		{
			"login failed",
			throughput.Count{Listed: 10, Copied: 4, NotTried: 6, Octets: 40, Mailboxes: 1},
			throughput.Count{},
			throughput.Count{Listed: 10, Copied: 4, NotTried: 6, Octets: 40, Mailboxes: 1},
		},
		{
			"went on with a mailbox that was split",
			throughput.Count{Listed: 10, Copied: 4, NotTried: 6, Octets: 40, Mailboxes: 2, MailboxesSplit: 1},
			throughput.Count{Listed: 10, AlreadyThere: 4, Copied: 6, Octets: 60, Mailboxes: 2},
			throughput.Count{Listed: 10, Copied: 10, Octets: 100, Mailboxes: 2, MailboxesSplit: 1},
		},
		{
			"flags of each attempt",
			throughput.Count{Listed: 10, AlreadyThere: 8, NotTried: 2, Mailboxes: 2, FlagsUpdated: 3},
			throughput.Count{Listed: 10, AlreadyThere: 10, Mailboxes: 2, FlagsUpdated: 2},
			throughput.Count{Listed: 10, AlreadyThere: 10, Mailboxes: 2, FlagsUpdated: 5},
		},
		{
			"got less far",
			throughput.Count{Listed: 10, Copied: 8, NotTried: 2, Octets: 80, Mailboxes: 2},
			throughput.Count{Listed: 6, AlreadyThere: 5, NotTried: 1, Mailboxes: 1},
			throughput.Count{Listed: 9, Copied: 8, NotTried: 1, Octets: 80, Mailboxes: 1},
		},
		{
			"the rest was there before",
			throughput.Count{Listed: 10, AlreadyThere: 5, Copied: 1, NotTried: 4, Octets: 10, Mailboxes: 1},
			throughput.Count{Listed: 10, AlreadyThere: 6, Rejected: 4, Mailboxes: 1},
			throughput.Count{Listed: 10, AlreadyThere: 5, Copied: 1, Rejected: 4, Octets: 10, Mailboxes: 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := join(tt.before, tt.now)
			if got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			if !got.Balanced() {
				t.Error("not balanced")
			}
		})
	}
}

func TestIncompleteRowNamesItsCause(t *testing.T) {
	tests := []struct {
		name string
		c    throughput.Count
		code string
	}{
		{"mailbox", throughput.Count{Listed: 3, NotTried: 3, MailboxesRefused: 1}, "mailbox-refused"},
		{"message", throughput.Count{Listed: 3, Copied: 2, Rejected: 1}, "message-refused"},
		{"not tried", throughput.Count{Listed: 3, NotTried: 3}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &syncFunc{f: func(context.Context, account.Pair) (throughput.Count, error) { return tt.c, nil }}
			res, err := mustNew(t, Options{Syncer: s, Parallel: 1}).Run(t.Context(), rows(1))
			if err != nil {
				t.Fatal(err)
			}
			if f := res[0].Fault; res[0].State != throughput.Incomplete || f == nil || f.Code != tt.code || f.Text == "" || f.Hint == "" {
				t.Errorf("%v, fault %+v", res[0].State, f)
			}
		})
	}
}

// What is kept of how much a source holds says whether it was told.
func TestLedgerRowKeepsSizes(t *testing.T) {
	type size struct {
		messages, octets, wrong int64
		rules                   string
	}
	inbox := &rules.Rules{Folders: []string{"INBOX"}}
	of := inbox.MailboxFingerprint()
	some := throughput.Count{Listed: 9, Copied: 2, AlreadyThere: 7, Octets: 200}
	tests := []struct {
		name  string
		known size
		rules *rules.Rules
		c     throughput.Count
		err   error
		want  size
	}{
		{"told", size{7, 700, 50, ""}, nil, throughput.Count{Listed: 9, AlreadyThere: 9, SourceOctets: 900}, nil, size{9, 900, 0, ""}},
		{"told of some mailboxes", size{7, 700, 50, ""}, inbox, throughput.Count{Listed: 3, AlreadyThere: 3, SourceOctets: 300}, nil, size{3, 300, 0, of}},
		{"login failed", size{7, 700, 50, ""}, inbox, throughput.Count{}, wrong, size{7, 700, 50, ""}},
		{"not told", size{}, nil, some, nil, size{9, 200, ledger.NotTold, ""}},
		{"not told, but all was copied", size{}, nil, throughput.Count{Listed: 9, Copied: 9, Octets: 900}, nil, size{9, 900, 0, ""}},
		{"stopped", size{}, nil, throughput.Count{Listed: 9, Copied: 2, NotTried: 7, Octets: 200}, wrong, size{9, 200, ledger.NotTold, ""}},
		{"stopped before a message was copied", size{}, nil, throughput.Count{Listed: 9, NotTried: 9}, wrong, size{9, 0, ledger.NotTold, ""}},
		{"told before", size{7, 700, 50, ""}, nil, some, nil, size{9, 700, 50, ""}},
		{"told before, of other mailboxes", size{7, 700, 50, ""}, inbox, some, nil, size{9, 700, ledger.NotTold, of}},
		{"told before, but less than was copied", size{7, 100, 50, ""}, nil, some, nil, size{9, 200, ledger.NotTold, ""}},
		{"never told", size{7, 700, ledger.NotTold, ""}, nil, some, nil, size{9, 700, ledger.NotTold, ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list := rows(1)
			k := &list[0].Known
			k.SourceMessages, k.SourceOctets, k.SourceError, k.SourceRules = tt.known.messages, tt.known.octets, tt.known.wrong, tt.known.rules
			list[0].Pair.Rules = tt.rules
			rec := &recorder{}
			s := &syncFunc{f: func(context.Context, account.Pair) (throughput.Count, error) { return tt.c, tt.err }}
			if _, err := mustNew(t, Options{Syncer: s, Recorder: rec, Parallel: 1}).Run(t.Context(), list); err != nil {
				t.Fatal(err)
			}
			r := rec.last(1)
			if got := (size{r.SourceMessages, r.SourceOctets, r.SourceError, r.SourceRules}); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}
