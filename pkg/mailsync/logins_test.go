package mailsync

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// Waiting for a turn to log in is no want of progress: it uses no patience up.
func TestTurnCostsNoPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := &fault.Error{Code: fault.ConnectionLost, Temporary: true}
		start, dials := time.Now(), 0
		s := newSession(func(context.Context) (*imapconn.Conn, error) { dials++; return nil, gone }, time.Minute, slog.New(slog.DiscardHandler))
		s.await = func(ctx context.Context) error { return sleep(ctx, time.Hour) }
		_, err := s.get(t.Context())
		if !errors.Is(err, gone) || dials < 8 {
			t.Errorf("%v after %d dials; a minute is enough for eight", err, dials)
		}
		if rest := time.Since(start) - time.Duration(dials)*time.Hour; rest < time.Minute/2 || rest > 3*time.Minute {
			t.Errorf("%v beside the turns, want about a minute", rest)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := s.get(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > time.Duration(dials)*time.Hour+5*time.Minute {
			t.Errorf("a turn that is called off: %v", err)
		}
	})
}

// A defect is told in a word; its stack is there for the log.
func TestPanicHasTextAndStack(t *testing.T) {
	e := fault.Of(guard("work", func() error { panic("boom") }))
	if e == nil || e.Code != fault.Panic || e.Text != "boom" || e.Err == nil || !strings.Contains(e.Err.Error(), "logins_test.go") {
		t.Errorf("%+v", e)
	}
}

// Two faults stay two, and what one side refuses for good is not tried again
// because the other says later.
func TestBothSidesFaults(t *testing.T) {
	later := &fault.Error{Side: fault.Source, Temporary: true, Code: fault.Throttled, Wait: time.Hour}
	wrong := &fault.Error{Side: fault.Dest, Code: fault.AuthRefused}
	err := both(later, wrong)
	if e := fault.Of(err); e.Temporary || e.Wait != 0 {
		t.Errorf("%+v", e)
	}
	if s, d := fault.Sides(err); s != later || d != wrong {
		t.Errorf("%v, %v", s, d)
	}
	longer := &fault.Error{Side: fault.Dest, Temporary: true, Wait: 2 * time.Hour}
	if e := fault.Of(both(later, longer)); !e.Temporary || e.Wait != longer.Wait {
		t.Errorf("%+v", e)
	}
}

// The runner hears of the first login on each side, once.
func TestLoggedInIsToldOnce(t *testing.T) {
	l := &heard{}
	p := &pass{lanes: l}
	ok := func(context.Context) (*imapconn.Conn, error) { return new(imapconn.Conn), nil }
	no := func(context.Context) (*imapconn.Conn, error) {
		return nil, &fault.Error{Code: fault.AuthRefused}
	}
	for _, tt := range []struct {
		dial    func(context.Context) (*imapconn.Conn, error)
		side    fault.Side
		further bool
	}{{ok, fault.Source, false}, {no, fault.Dest, false}, {ok, fault.Dest, true}} {
		s := newSession(tt.dial, time.Minute, slog.New(slog.DiscardHandler))
		s.side = tt.side
		_ = p.login(t.Context(), s, tt.further)
	}
	if want := []fault.Side{fault.Source}; !slices.Equal(l.in, want) {
		t.Errorf("told of %v, want %v", l.in, want)
	}
}

type heard struct{ in []fault.Side }

func (*heard) TryAcquire() bool           { return false }
func (*heard) Release()                   {}
func (*heard) Wanted() bool               { return false }
func (*heard) Refused(int)                {}
func (h *heard) LoggedIn(side fault.Side) { h.in = append(h.in, side) }
