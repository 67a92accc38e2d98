package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// startSweep starts the servers of a setting, fills the source, and writes a
// list that goes over its accounts again and again.
func (o *options) startSweep(ctx context.Context, set *setting) (s *sweepSite, err error) {
	s = &sweepSite{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.dir, err = os.MkdirTemp(o.dir, "imapbench"); err != nil {
		return s, err
	}
	opt := imaptest.DovecotOptions{Format: "maildir", Fsync: "optimized", Dir: o.dir}
	if s.old, err = imaptest.StartDovecot(opt); err != nil {
		return s, fmt.Errorf("source: %w", err)
	}
	opt.Extra = set.extra
	if s.new, err = imaptest.StartDovecot(opt); err != nil {
		return s, fmt.Errorf("destination: %w", err)
	}
	for i, d := range []*imaptest.Dovecot{s.old, s.new} {
		network := imaptest.ProxyOptions{Delay: set.delay, Window: farWindow}
		if i == 1 {
			network.UpRate = set.upRate
		}
		if s.proxies[i], err = imaptest.NewProxy(d.Addr(), network); err != nil {
			return s, err
		}
	}
	accounts, err := makeSet(ctx, s.old, set.set, o.scale)
	if err != nil {
		return s, fmt.Errorf("fill: %w", err)
	}
	if s.users, err = s.new.AddUsers(sweepRows, password); err != nil {
		return s, err
	}
	var list strings.Builder
	for i, user := range s.users {
		fmt.Fprintf(&list, "imap+insecure://%s;%s;%s;imap+insecure://%s;%s;%s;\n",
			s.proxies[0].Addr(), accounts[i%len(accounts)].user, password, s.proxies[1].Addr(), user, password)
	}
	s.list = list.String()
	return s, nil
}

// measured is one run.
type measured struct {
	rate  float64 // MiB/s into the destination, by its proxy
	lanes int
	climb float64 // seconds until auto had settled; 0: it was not auto
}

// measure runs imapfleet with so many lanes, 0 for auto, for as long as it
// takes to measure it, and stops it.
func (s *sweepSite) measure(ctx context.Context, program string, lanes int, log io.Writer) (m measured, err error) {
	s.lists++
	dir := filepath.Join(s.dir, fmt.Sprintf("run%d", s.lists))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return m, err
	}
	list := filepath.Join(dir, "list.csv")
	if err := os.WriteFile(list, []byte(s.list), 0o600); err != nil {
		return m, err
	}
	cmd := exec.CommandContext(ctx, program, "run", list, "--parallel", lanesText(lanes), "--login-rate", "off", "--json", "--quiet")
	events, err := cmd.StdoutPipe()
	if err != nil {
		return m, err
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		return m, err
	}
	settled, done := make(chan int, 1), make(chan string, sweepRows)
	var reader sync.WaitGroup
	reader.Go(func() { watchEvents(events, settled, done, log) })
	var wiped error
	reader.Go(func() { wiped = s.wipeDone(done) })
	m, err = s.watch(ctx, lanes, settled)
	// What it has copied is of no use: it need not end well.
	if kerr := cmd.Process.Kill(); kerr != nil && err == nil {
		err = fmt.Errorf("imapfleet ended too soon: %w\n%s", kerr, errs.Bytes())
	}
	reader.Wait()
	_ = cmd.Wait() // it was killed
	return m, errors.Join(err, wiped, s.wipe(ctx))
}

// watch measures the run that has just begun.
func (s *sweepSite) watch(ctx context.Context, lanes int, settled <-chan int) (m measured, err error) {
	m.lanes = lanes
	begun := time.Now()
	wait := time.NewTimer(sweepWarm)
	if lanes == 0 {
		wait.Reset(sweepClimb)
	}
	defer wait.Stop()
	select {
	case n, ok := <-settled:
		if !ok {
			return m, errors.New("no event came")
		}
		m.lanes = n
	case <-wait.C:
		if lanes == 0 {
			return m, fmt.Errorf("it did not settle within %v", sweepClimb)
		}
	case <-ctx.Done():
		return m, ctx.Err()
	}
	if lanes == 0 {
		m.climb = time.Since(begun).Seconds()
		if err := pause(ctx, sweepWarm/2); err != nil { // lanes of its last trial may still end
			return m, err
		}
	}
	from, start := s.proxies[1].Stats().Up, time.Now()
	if err := pause(ctx, sweepWindow); err != nil {
		return m, err
	}
	m.rate = float64(s.proxies[1].Stats().Up-from) / (1 << 20) / time.Since(start).Seconds()
	return m, nil
}

// pause lets a run go on for so long, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watchEvents tells the number of lanes at which a run settles first, and whose
// mail has been copied, and logs how it comes to the former.
func watchEvents(r io.Reader, settled chan<- int, done chan<- string, log io.Writer) {
	defer close(settled)
	defer close(done)
	told := false
	in := bufio.NewScanner(r)
	in.Buffer(nil, 16<<20) // the summary is one line
	for in.Scan() {
		var e struct {
			Type     throughput.EventType `json:"type"`
			Time     time.Time            `json:"time"`
			Row      throughput.Result    `json:"row"`
			Parallel throughput.Tuning    `json:"parallel"`
		}
		if json.Unmarshal(in.Bytes(), &e) != nil {
			continue
		}
		if e.Type == throughput.EventEnded && e.Row.State == throughput.Done {
			done <- e.Row.User2
		}
		if e.Type != throughput.EventTuned || told {
			continue
		}
		fmt.Fprintf(log, "  %s %s\n", e.Time.Format(time.TimeOnly), e.Parallel.Line())
		if e.Parallel.Reason == throughput.TunedSettled {
			settled <- e.Parallel.Lanes
			told = true
		}
	}
	_, _ = io.Copy(io.Discard, r) // who writes must not wait
}

// wipeDone removes the mail of users whose rows are done, so that a run may go
// on for long on a small disk.
func (s *sweepSite) wipeDone(users <-chan string) (err error) {
	for u := range users {
		err = errors.Join(err, s.new.WipeUser(u))
	}
	return err
}

// wipe removes what has arrived at the destination. The session of a run that was
// killed may be writing its last there, and the server tells nobody when it has
// ended: it is tried a few times.
func (s *sweepSite) wipe(ctx context.Context) error {
	for _, u := range s.users {
		var err error
		for range 5 {
			if err = s.new.WipeUser(u); err == nil || pause(ctx, 100*time.Millisecond) != nil {
				break
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
