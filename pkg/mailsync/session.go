package mailsync

import (
	"context"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// session is one side of a lane: a connection that is opened again when it
// breaks (DESIGN section 2): first within 100 ms, then with backoff up to a
// minute, until patience is spent: it begins with the first break after the
// last progress, so that a side which only waited for the other is not blamed.
// It belongs to one goroutine at a time.
type session struct {
	dial     func(ctx context.Context) (*imapconn.Conn, error)
	await    func(ctx context.Context) error // until it may be dialled; nil: at once
	side     fault.Side
	gauge    *gauge
	patience time.Duration
	log      *slog.Logger
	trip     func(time.Duration) // is told how long a command takes at least; nil: nobody is

	conn   *imapconn.Conn
	at     *opened   // whose mailbox is open on conn once what was sent is answered; nil: nobody's
	once   bool      // a login has succeeded
	spare  bool      // of a further lane: others go on without it
	broke  time.Time // when the first connection since the last progress broke; zero: none did
	retry  *backoff.ExponentialBackOff
	octets [2]int64 // in and out of connections that are gone
}

func newSession(dial func(context.Context) (*imapconn.Conn, error), patience time.Duration, log *slog.Logger) *session {
	retry := &backoff.ExponentialBackOff{InitialInterval: 66 * time.Millisecond, RandomizationFactor: 0.5,
		Multiplier: 2, MaxInterval: time.Minute}
	retry.Reset()
	return &session{dial: dial, patience: patience, log: log, retry: retry}
}

// get returns the connection, opened again if need be. A fault that is not a
// lost connection, or patience that is spent, is returned.
func (s *session) get(ctx context.Context) (*imapconn.Conn, error) {
	if s.conn != nil && s.conn.Err() == nil {
		return s.conn, nil
	}
	s.drop()
	for {
		if err := s.turn(ctx); err != nil {
			return nil, err
		}
		was := clockOf(ctx).in(s.activities().asks)
		conn, err := s.dial(ctx)
		clockOf(ctx).in(was)
		if err == nil {
			s.conn, s.once = conn, true
			s.tellTrip()
			return conn, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !s.again(err) {
			return nil, err
		}
		if err := s.pause(ctx, err); err != nil {
			return nil, err
		}
	}
}

// turn waits until a connection may be opened. That others come first is no
// want of progress.
func (s *session) turn(ctx context.Context) error {
	if s.await == nil {
		return ctx.Err()
	}
	began, clock := time.Now(), clockOf(ctx)
	was := clock.in(waiting(s.activities().limit))
	err := s.await(ctx)
	clock.in(was)
	if !s.broke.IsZero() {
		s.broke = s.broke.Add(time.Since(began))
	}
	return err
}

// again reports whether to dial once more after err. Before the first login
// only a connection that broke is dialled again; after it everything that may
// pass is, unless others go on without it. A refused login is never repeated.
func (s *session) again(err error) bool {
	if !fault.IsTemporary(err) || fault.Of(err).Wait > s.patience {
		return false
	}
	if (!s.once || s.spare) && !isLost(err) {
		return false
	}
	if s.broke.IsZero() {
		s.broke = time.Now()
	}
	return time.Since(s.broke) < s.patience
}

func (s *session) pause(ctx context.Context, err error) error {
	d := max(s.retry.NextBackOff(), fault.Of(err).Wait)
	s.log.Warn("connection lost, opening it again", "in", d.Round(time.Millisecond), "err", err)
	return rest(ctx, s.activities().wait, d)
}

// moved notes progress: patience and backoff start anew.
func (s *session) moved() {
	s.broke = time.Time{}
	s.retry.Reset()
}

// tellTrip tells how long a command has taken at least, to who wants to know.
func (s *session) tellTrip() {
	if s.trip == nil {
		return
	}
	if d := s.conn.RoundTrip(); d > 0 {
		s.trip(d)
	}
}

// drop closes a broken connection; the next get opens another.
func (s *session) drop() {
	if s.conn == nil {
		return
	}
	s.tellTrip()
	s.conn.Abort()
	in, out := s.conn.Octets()
	s.octets[0] += in
	s.octets[1] += out
	s.conn, s.at = nil, nil
}

// do runs f on the connection, again on a new one for as long as the
// connection breaks under it. f must be safe to repeat.
func (s *session) do(ctx context.Context, f func(*imapconn.Conn) error) error {
	for {
		conn, err := s.get(ctx)
		if err != nil {
			return err
		}
		was := clockOf(ctx).in(s.activities().asks)
		err = f(conn)
		clockOf(ctx).in(was)
		if err == nil {
			return nil
		}
		if err := s.broken(ctx, err); err != nil {
			return err
		}
	}
}

// broken handles an error of the connection: nil means that it was a lost
// connection and another one may be had.
func (s *session) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		s.drop()
		return ctx.Err()
	}
	if !isLost(err) {
		return err
	}
	s.drop()
	if !s.again(err) {
		return err
	}
	return s.pause(ctx, err)
}

// logoutTime is how long a farewell may take.
const logoutTime = 5 * time.Second

// close ends the session in good order where the connection still stands.
func (s *session) close(ctx context.Context) {
	if s.conn == nil {
		return
	}
	if ctx.Err() == nil {
		ctx, cancel := context.WithTimeout(ctx, logoutTime)
		defer cancel()
		was := clockOf(ctx).in(s.activities().asks)
		err := s.conn.Logout(ctx)
		clockOf(ctx).in(was)
		if err != nil {
			s.log.Debug("logout", "err", err)
		}
	}
	s.drop()
}

// isLost reports whether err means that the connection is gone, so that
// another one may do better.
func isLost(err error) bool {
	f := fault.Of(err)
	return f != nil && f.Temporary && (f.Code == fault.ConnectionLost || f.Code == fault.Timeout)
}

// ofSide is what is spent on one side.
type ofSide struct {
	asks        doing
	wait, limit throughput.Activity
}

func (s *session) activities() ofSide {
	if s.side == fault.Dest {
		return ofSide{doing{kind: asksDst}, throughput.DestWait, throughput.DestLimited}
	}
	return ofSide{doing{kind: asksSrc}, throughput.SourceWait, throughput.SourceLimited}
}

// rest sleeps for what a lane waits for.
func rest(ctx context.Context, a throughput.Activity, d time.Duration) error {
	clock := clockOf(ctx)
	was := clock.in(waiting(a))
	defer clock.in(was)
	return sleep(ctx, d)
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
