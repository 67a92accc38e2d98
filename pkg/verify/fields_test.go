package verify_test

import (
	"bytes"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/verify"
)

// Header fields that were added at the destination are told, and are no
// difference: a run takes such messages for the same ones. Where anything else
// is another, it is one.
func TestMoreFields(t *testing.T) {
	const n = 400 // on each side; 64 KiB hold 682
	source := box("INBOX", n, func(i int, m *imaptest.FakeMessage) {
		if i == 6 { // nothing to be called by
			m.Body = []byte("Subject: 6\r\n\r\nbody\r\n")
		}
	})
	added := func(m *imaptest.FakeMessage) {
		for _, c := range []struct{ of, was, is string }{
			{"Subject: 0\r\n", "", ""},
			{"Subject: 1\r\n", "Message-ID", "X-Spam: no\r\n and more\r\nMessage-ID"},
			{"Subject: 2\r\n", "Subject: 2", "X-Spam: no\r\nSubject: 2"},
			{"Subject: 3\r\n", "Subject: 3\r\n\r\nbody", "X-Spam: no\r\nSubject: 3\r\n\r\nbodi"},
			{"Subject: 4\r\n", "Subject: 4", "X-Spam: no\r\nSubject: four"},
			{"Subject: 6\r\n", "Subject", "Message-ID: <new@x>\r\nSubject"},
		} {
			if bytes.Contains(m.Body, []byte(c.of)) {
				m.Body = bytes.Replace(m.Body, []byte(c.was), []byte(c.is), 1)
				return
			}
		}
		m.Body = append([]byte("X-Spam: no\r\n"), m.Body...)
	}
	var spoiled atomic.Bool
	r, _, _ := fakes(t, imaptest.FakeOptions{}, imaptest.FakeOptions{Show: func(m *imaptest.FakeMessage) {
		if spoiled.Load() {
			added(m)
		}
	}}, boxes(source), nil)
	r.migrate()
	spoiled.Store(true)
	known := []string{"2 content differs", "397 (altered by the server)"}
	alone := []string{"3 (new at the destination)", "3 missing", "396 (altered by the server)"}
	for _, deep := range []bool{false, true} {
		for _, memory := range []int64{0, 1} {
			for _, ledgerless := range []bool{false, true} {
				want, same := known, int64(n-2)
				rep := r.verify(func(o *verify.Options) {
					if o.Deep, o.Memory = deep, memory; ledgerless {
						o.Ledger, want, same = nil, alone, n-3
					}
				})
				if got := kinds(rep); !slices.Equal(got, want) || rep.Same != same || rep.State != verify.Incomplete {
					t.Errorf("deep %v, memory %d, ledger %v: %s with %q, %d the same", deep, memory, !ledgerless, rep.State, got, rep.Same)
				}
			}
		}
	}
}
