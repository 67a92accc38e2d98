package mailsync

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/identity"
)

// form is a message with other octets than it has at the source. nil: those
// that it has.
type form struct {
	kinds    []string // of repairs that have changed something, in their order
	octets   int64
	was, now string // what is told of the octets of both
}

// reader gives the octets of r in this form.
func (f *form) reader(r io.Reader) io.Reader {
	if f == nil {
		return r
	}
	return newChain(f.kinds).reader(r)
}

func (f *form) changes() []altered {
	out := make([]altered, len(f.kinds))
	for i, kind := range f.kinds {
		out[i] = altered{kind, f.was, f.now}
	}
	return out
}

// survey finds out in which other forms a message can go, while its octets
// pass. nil surveys nothing.
type survey struct {
	plain formSum
	forms []surveyed
}

type surveyed struct {
	c   *chain
	sum formSum
}

// formSum tells two forms of a message apart.
type formSum struct {
	n int64
	h hash.Hash
}

func (s *formSum) write(p []byte) {
	s.n += int64(len(p))
	s.h.Write(p)
}

func (s *formSum) String() string { return octetsText(s.n, s.h.Sum(nil)) }

// octetsText tells octets in a ledger.Repair.
func octetsText(n int64, sum []byte) string {
	return fmt.Sprintf("%d octets, SHA-256 %s", n, hex.EncodeToString(sum))
}

// TellsOctets reports whether text, the Was or Made of a ledger.Repair of
// octets, is of n octets whose exact digest is sum (see identity.Digester.Exact).
func TellsOctets(text string, n int64, sum identity.Sum) bool {
	return sum != identity.Sum{} && strings.HasPrefix(text, octetsText(n, sum[:]))
}

// newSurvey looks at each of kinds alone and at all of them together.
func newSurvey(kinds []string) *survey {
	if len(kinds) == 0 {
		return nil
	}
	s := &survey{plain: formSum{h: sha256.New()}}
	for _, k := range kinds {
		s.forms = append(s.forms, surveyed{newChain([]string{k}), formSum{h: sha256.New()}})
	}
	if len(kinds) > 1 {
		s.forms = append(s.forms, surveyed{newChain(kinds), formSum{h: sha256.New()}})
	}
	return s
}

// Write takes the octets of the message in order; it never fails.
func (s *survey) Write(p []byte) (int, error) {
	s.plain.write(p)
	for i := range s.forms {
		f := &s.forms[i]
		f.sum.write(f.c.pass(p, false))
	}
	return len(p), nil
}

// found returns the forms that each kind alone makes of the message, of those
// that change it, and the one that all make together. Nothing is written any
// more.
func (s *survey) found() (singles []*form, together *form) {
	for i := range s.forms {
		f := &s.forms[i]
		f.sum.write(f.c.pass(nil, true))
		kinds := f.c.did()
		if len(kinds) == 0 {
			continue
		}
		made := &form{kinds: kinds, octets: f.sum.n, was: s.plain.String(), now: f.sum.String()}
		together = made
		if len(f.c.kinds) == 1 {
			singles = append(singles, made)
		}
	}
	if together != nil && len(singles) > 0 && len(together.kinds) == 1 {
		together = singles[len(singles)-1]
	}
	return singles, together
}

// surveyOf is the survey of a message that may have to go in another form.
func (p *pass) surveyOf() *survey { return newSurvey(p.mayChange()) }

// mayChange returns the repairs of octets that the row's rules allow.
func (p *pass) mayChange() []string {
	return slices.DeleteFunc(octetKinds(), func(kind string) bool { return !p.allows(kind) })
}

// forms returns the other forms in which a message can go: each of a single
// repair that the row's rules allow, and that of all of them together.
func (w *writer) forms(it *item) (singles []*form, together *form) {
	s := it.survey
	if it.stream == nil {
		if s = w.p.surveyOf(); s != nil {
			it.body.writeTo(s)
		}
	}
	if s == nil || s.plain.n != it.size {
		return nil, nil // not known: a stream that did not go through whole
	}
	return s.found()
}
