package imapconn

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/wire"
)

// Quota is one limited resource of a quota root (RFC 9208 section 3): how much
// of it is used, and how much there may be. Both are octets for STORAGE,
// messages for MESSAGE, and whatever the server means for others.
type Quota struct {
	Root        string // "" is a name like any other; foreign
	Resource    string // in upper case; foreign
	Used, Limit int64
}

// Free is what is left, never below 0.
func (q Quota) Free() int64 { return max(q.Limit-q.Used, 0) }

const (
	storageUnit = 1024 // octets that STORAGE counts in (RFC 9208 section 5.1)
	maxResource = 256  // octets of a resource's name
	maxQuotas   = 256  // resources of all roots that are kept
)

// Quotas returns what limits a mailbox, named as on the wire (GETQUOTAROOT,
// RFC 9208 section 4.1.2). known is false where the server does not offer
// QUOTA, refuses the question or answers nothing. No limits, but known, means
// that there are none. A limit of 0 is left out: it is how some servers say
// none.
func (c *Conn) Quotas(ctx context.Context, mailbox string) (limits []Quota, known bool, err error) {
	name, ok := c.astring(mailbox)
	if !c.caps.Quota || !ok {
		return nil, false, nil
	}
	var got quotas
	r, err := c.do(ctx, "quota", wire.Request{
		Line: "GETQUOTAROOT " + name, Slow: true,
		Wants:  func(kind string) bool { return kind == "QUOTA" || kind == "QUOTAROOT" },
		Handle: got.read,
	})
	if err != nil || r.Status != "OK" {
		return nil, false, err
	}
	return got.limits, got.said, nil
}

// quotas gathers QUOTA responses.
type quotas struct {
	limits []Quota
	said   bool // any response came
}

// read takes a QUOTAROOT, whose names say nothing, or a QUOTA response: `root
// (resource used limit ...)`.
func (q *quotas) read(r *wire.Reader) error {
	q.said = true
	if r.Kind == "QUOTAROOT" {
		return nil
	}
	t, err := r.Next()
	if err != nil || t.Kind == wire.End || t.Kind == wire.Open {
		return err
	}
	root, ok, err := r.String(t, maxName)
	if err != nil {
		return err
	}
	if !ok {
		root = "NIL"
	}
	return q.resources(r, root)
}

// resources reads the list of a root. What makes no sense is left out.
func (q *quotas) resources(r *wire.Reader, root string) error {
	var triple []string
	for {
		t, err := r.Next()
		if err != nil || t.Kind == wire.End || t.Kind == wire.Close {
			return err
		}
		if t.Kind == wire.Open {
			triple = triple[:0]
			continue
		}
		s, _, err := r.String(t, maxResource)
		if err != nil {
			return err
		}
		if triple = append(triple, s); len(triple) < 3 {
			continue
		}
		q.add(root, triple)
		triple = triple[:0]
	}
}

func (q *quotas) add(root string, triple []string) {
	used, err1 := strconv.ParseUint(triple[1], 10, 63)
	limit, err2 := strconv.ParseUint(triple[2], 10, 63)
	if err1 != nil || err2 != nil || limit == 0 || len(q.limits) == maxQuotas {
		return
	}
	l := Quota{Root: root, Resource: strings.ToUpper(triple[0]), Used: int64(used), Limit: int64(limit)}
	if l.Resource == "STORAGE" {
		l.Used, l.Limit = inOctets(l.Used), inOctets(l.Limit)
	}
	q.limits = append(q.limits, l)
}

// inOctets turns units of STORAGE into octets, as many as an int64 holds.
func inOctets(units int64) int64 {
	if units > math.MaxInt64/storageUnit {
		return math.MaxInt64
	}
	return units * storageUnit
}
