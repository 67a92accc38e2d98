package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"
	"time"
)

// ErrNoRun says that nobody answers for a state directory.
var ErrNoRun = errors.New("no run is going on")

// asking is how long an answer may take.
const asking = 30 * time.Second

// Ask sends a request to the run with the state directory dir and returns its
// answer. ErrNoRun: there is none on this machine that could be asked. After
// another error nobody knows whether it was done.
func Ask(ctx context.Context, dir string, q Request) (Answer, error) {
	return ask(ctx, dir, q, asking)
}

// ask is Ask of who has so much patience.
func ask(ctx context.Context, dir string, q Request, patience time.Duration) (Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the run has not answered within %v: it stands still, and may do what was asked when it goes on", patience))
	defer cancel()
	c, token, err := dial(ctx, dir)
	switch {
	case err != nil && ctx.Err() != nil:
		return Answer{}, context.Cause(ctx)
	case err != nil:
		return Answer{}, noRun(err)
	}
	defer c.Close()
	end := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer end()
	q.Version, q.Token = Version, token
	a, err := exchange(c, q)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return a, err
}

// noRun tells that nobody is there from what keeps one from asking.
func noRun(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, errNobody) {
		return fmt.Errorf("%w (%w)", ErrNoRun, err)
	}
	return err
}

// errNobody says that what a run has left leads nowhere.
var errNobody = errors.New("what it has left leads nowhere")

func exchange(c net.Conn, q Request) (Answer, error) {
	b, err := encode(q)
	if err != nil {
		return Answer{}, err
	}
	if len(b) > longestRequest {
		return Answer{}, errors.New("the order is too long")
	}
	if _, err := c.Write(b); err != nil {
		return Answer{}, fmt.Errorf("the run did not take the order: %w", err)
	}
	line, err := readLine(bufio.NewReader(c), longestAnswer)
	if err != nil {
		return Answer{}, fmt.Errorf("the run has not answered: %w", err)
	}
	var a Answer
	if err := json.Unmarshal(line, &a); err != nil {
		return Answer{}, fmt.Errorf("the run's answer makes no sense: %w", err)
	}
	if a.Version != Version {
		return Answer{}, fmt.Errorf("the run speaks version %d of the protocol, this program %d: use the imapfleet that the run was started with", a.Version, Version)
	}
	return a, nil
}
