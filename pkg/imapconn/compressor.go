package imapconn

import (
	"log/slog"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
)

// CompressMode says when connections use COMPRESS=DEFLATE (RFC 4978).
type CompressMode uint8

// The modes.
const (
	CompressAuto CompressMode = iota // where it was tried and made a connection faster
	CompressOn                       // wherever it is offered
	CompressOff                      // never
)

// Compressor knows for which hosts compression is worth its time. A verdict is
// the host's, by side: once it is there, new connections go by it from their
// start. It is made by NewCompressor and safe for concurrent use; all
// connections of a run share one.
type Compressor struct {
	mode CompressMode

	mu    sync.Mutex
	hosts map[place]*standing
}

// place is one side's server.
type place struct {
	side fault.Side
	host string
	port int
}

// standing is what is known of a place.
type standing struct {
	verdict verdict
	trier   <-chan struct{} // closed when the connection that tries is dead; nil: none tries
	proved  bool            // a compressed connection has worked
	told    bool            // that there is none
	octets  int64           // of all connections, before compression, as far as they have reported
}

type verdict uint8

const (
	open verdict = iota
	yes
	no
)

// NewCompressor returns a Compressor that knows nothing yet.
func NewCompressor(mode CompressMode) *Compressor {
	return &Compressor{mode: mode, hosts: make(map[place]*standing)}
}

// at runs f on what is known of an endpoint.
func (k *Compressor) at(side fault.Side, ep account.Endpoint, f func(*standing)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := place{side, ep.Host, ep.Port}
	s := k.hosts[p]
	if s == nil {
		s = new(standing)
		if k.mode == CompressOn {
			s.verdict = yes
		}
		k.hosts[p] = s
	}
	f(s)
}

// verdict returns what is decided.
func (k *Compressor) verdict(cfg Config) (v verdict) {
	k.at(cfg.Side, cfg.Endpoint, func(s *standing) { v = s.verdict })
	return v
}

// decide settles a place and logs why, the first time. A no is final.
func (k *Compressor) decide(cfg Config, v verdict, why string, args ...any) {
	changed := false
	k.at(cfg.Side, cfg.Endpoint, func(s *standing) {
		changed = s.verdict != v && s.verdict != no
		if changed {
			s.verdict, s.trier = v, nil
		}
	})
	if changed {
		cfg.Logger.With(slog.String("side", cfg.Side.String()), slog.String("host", cfg.Endpoint.Host)).Info(why, args...)
	}
}

// claim makes the caller the one connection that tries; dead is closed when it
// is gone, and then another may.
func (k *Compressor) claim(cfg Config, dead <-chan struct{}) (ok bool) {
	k.at(cfg.Side, cfg.Endpoint, func(s *standing) {
		if s.verdict != open {
			return
		}
		if s.trier != nil {
			select {
			case <-s.trier:
			default:
				return
			}
		}
		s.trier, ok = dead, true
	})
	return ok
}

// waive gives a claim back without a verdict.
func (k *Compressor) waive(cfg Config) {
	k.at(cfg.Side, cfg.Endpoint, func(s *standing) { s.trier = nil })
}

// report adds octets to those of the place and returns their sum.
func (k *Compressor) report(cfg Config, octets int64) (sum int64) {
	k.at(cfg.Side, cfg.Endpoint, func(s *standing) {
		s.octets += octets
		sum = s.octets
	})
	return sum
}

// absent notes that a server has no compression though it was asked for.
func (k *Compressor) absent(cfg Config) {
	first := false
	k.at(cfg.Side, cfg.Endpoint, func(s *standing) { first, s.told = !s.told, true })
	if first {
		cfg.Logger.Info("the server offers no compression: going on without",
			"side", cfg.Side.String(), "host", cfg.Endpoint.Host)
	}
}
