package mailsync

import (
	"context"
	"fmt"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// SideReport is what one login showed. The zero value says nothing.
type SideReport struct {
	Software  string       // what the server says of itself
	Mailboxes int64        // selectable ones
	Messages  int64        // in all of them
	Octets    int64        // -1 where the server does not tell (no STATUS=SIZE, RFC 8438)
	Fault     *fault.Error // why the login, or the look after it, failed; nil when it worked
}

// CheckReport is what Check found on both sides. Notes are sentences for the
// operator about what will be slow, renamed or left out.
type CheckReport struct {
	Source, Dest SideReport
	Notes        []string
}

// Check logs in on both sides of pair and looks; it writes nothing.
func (e *Engine) Check(ctx context.Context, pair account.Pair) CheckReport {
	p := e.newPass(ctx, pair, 0, nil, nil)
	defer p.close(ctx)
	var rep CheckReport
	var boxes [2][]imapconn.Mailbox
	var trees [2]tree
	var caps [2]imapconn.Caps
	var wg sync.WaitGroup
	for i, side := range []struct {
		s   *session
		rep *SideReport
	}{{p.first.src, &rep.Source}, {p.first.dst, &rep.Dest}} {
		wg.Go(func() {
			err := side.s.do(ctx, func(c *imapconn.Conn) (err error) {
				trees[i], caps[i] = treeOf(c), c.Caps()
				boxes[i], err = look(ctx, c, side.rep)
				return err
			})
			side.rep.Fault = asFault(err)
		})
	}
	wg.Wait()
	if rep.Source.Fault == nil && rep.Dest.Fault == nil {
		rep.Notes = notes(boxes, trees, caps[1])
	}
	return rep
}

func asFault(err error) *fault.Error {
	if err == nil {
		return nil
	}
	if f := fault.Of(err); f != nil {
		return f
	}
	return &fault.Error{Err: err}
}

// look reads the sizes of all mailboxes.
func look(ctx context.Context, c *imapconn.Conn, rep *SideReport) ([]imapconn.Mailbox, error) {
	*rep = SideReport{Software: c.ServerID()}
	boxes, all, err := c.ListStatus(ctx)
	if err != nil {
		return nil, err
	}
	for i, s := range all {
		if boxes[i].NoSelect {
			continue
		}
		rep.Mailboxes++
		rep.Messages += int64(s.Messages)
		if s.Size < 0 || rep.Octets < 0 {
			rep.Octets = -1
			continue
		}
		rep.Octets += s.Size
	}
	return boxes, nil
}

// notes tells what a run would do that an operator may not expect.
func notes(boxes [2][]imapconn.Mailbox, trees [2]tree, dest imapconn.Caps) []string {
	var out []string
	for _, r := range mapMailboxes(boxes[0], boxes[1], trees[0], trees[1], nil) {
		if r.note != "" && !r.source.NoSelect {
			out = append(out, fmt.Sprintf("%s goes to %s: %s", fault.Clean(r.source.Name), fault.Clean(r.dest), r.note))
		}
	}
	switch {
	case dest.MultiAppend:
	case dest.LiteralPlus:
		out = append(out, "destination has no MULTIAPPEND: one APPEND a message, pipelined")
	default:
		out = append(out, "destination has neither MULTIAPPEND nor LITERAL+: a round trip a message, so more lanes help")
	}
	if !dest.UIDPlus {
		out = append(out, "destination has no UIDPLUS: its UIDs are looked up after the fact")
	}
	return out
}
