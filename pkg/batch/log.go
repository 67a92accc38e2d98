package batch

import (
	"log/slog"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// label names a row for people.
func label(p account.Pair) string { return fault.Clean(p.Source.User) }

func (f *feeder) attrs(t *task, more ...any) []any {
	return append([]any{
		slog.String("account", label(t.pair)), slog.Int("line", t.pair.Line), slog.Int("attempt", t.result.Attempts),
	}, more...)
}

// log is the one place where the end of a row's attempt is logged.
func (f *feeder) log(t *task, o outcome) {
	r := t.result
	attrs := f.attrs(t,
		slog.String("state", string(r.State)), slog.Duration("elapsed", o.elapsed),
		slog.Int64("copied", o.count.Copied), slog.Int64("octets", o.count.Octets))
	if o.err != nil && r.Fault != nil {
		attrs = append(attrs, slog.String("code", r.Fault.Code), slog.String("err", fault.Clean(o.err.Error())))
	}
	if e := fault.Of(o.err); e != nil && e.Code == fault.Panic && e.Err != nil {
		attrs = append(attrs, slog.String("stack", e.Err.Error()))
	}
	switch {
	case r.State == throughput.Done:
		f.opt.Logger.Info("row done", attrs...)
	case r.State == throughput.Pending && r.Fault == nil:
		f.opt.Logger.Info("row stopped", attrs...)
	case t.skipped && r.State == throughput.Pending:
		f.opt.Logger.Info("row skipped", attrs...)
	case r.State == throughput.Pending, r.State == throughput.Parked:
		words := "row waits for another attempt"
		if r.State == throughput.Parked {
			words = "row is " + throughput.ParkedText(r.FaultHost(), r.ParkedUntil, time.Now(), r.Fault)
		}
		f.opt.Logger.Warn(words, attrs...)
	case r.State == throughput.Incomplete:
		f.opt.Logger.Warn("row incomplete", attrs...)
	default:
		f.opt.Logger.Error("row failed", attrs...)
	}
}
