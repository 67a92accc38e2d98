package imaptest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A command of Fill ends at this many messages or octets, whichever comes
// first.
const (
	fillMessages = 200
	fillOctets   = 4 << 20
)

// Fill stores messages in an account, in order, and makes the mailboxes that
// are missing. It uses MULTIAPPEND and LITERAL+ where they are offered. The
// messages get no UID check afterwards: use [Dump].
func Fill(ctx context.Context, a Access, mailboxes ...Mailbox) error {
	r, err := dialRaw(ctx, a)
	if err != nil {
		return err
	}
	defer r.close()
	for _, m := range mailboxes {
		if err := r.fillMailbox(ctx, m); err != nil {
			return fmt.Errorf("fill %q: mailbox %q: %w", a.User, m.Name, err)
		}
	}
	return nil
}

func (r *raw) fillMailbox(ctx context.Context, m Mailbox) error {
	name := quote(EncodeName(m.Name))
	if err := r.ensure(ctx, name); err != nil {
		return err
	}
	if m.Subscribed {
		if err := r.ok(ctx, "SUBSCRIBE "+name); err != nil {
			return err
		}
	}
	if m.Len() == 0 {
		return nil
	}
	// A server stores into the selected mailbox faster than into another.
	if err := r.ok(ctx, "SELECT "+name); err != nil {
		return err
	}
	for i := 0; i < m.Len(); {
		var batch []Message
		octets := 0
		for ; i < m.Len() && len(batch) < fillMessages && octets < fillOctets; i++ {
			batch = append(batch, m.At(i))
			octets += len(batch[len(batch)-1].Body)
		}
		if err := r.appendBatch(ctx, name, batch); err != nil {
			return err
		}
	}
	return r.ok(ctx, "EXAMINE "+name)
}

// ensure creates a mailbox that is not there.
func (r *raw) ensure(ctx context.Context, name string) error {
	err := r.ok(ctx, "STATUS "+name+" (UIDVALIDITY)")
	var no *refusal
	if errors.As(err, &no) {
		return r.ok(ctx, "CREATE "+name)
	}
	return err
}

func (r *raw) appendBatch(ctx context.Context, name string, batch []Message) error {
	defer r.guard(ctx)()
	var err error
	if r.caps["LITERAL+"] {
		err = r.appendPipelined(name, batch)
	} else {
		for _, m := range batch {
			if err = r.appendSync(name, m); err != nil {
				break
			}
		}
	}
	return r.because(ctx, err)
}

// appendHead is what stands before the literal of a message.
func appendHead(m Message) string {
	var b strings.Builder
	var flags []string
	for _, f := range m.Flags {
		if !strings.EqualFold(f, `\Recent`) {
			flags = append(flags, f)
		}
	}
	fmt.Fprintf(&b, " (%s) ", strings.Join(flags, " "))
	if !m.Date.IsZero() {
		fmt.Fprintf(&b, `"%s" `, FormatDate(m.Date))
	}
	return b.String()
}

// FormatDate prints an INTERNALDATE (RFC 9051 section 9, date-time) without
// its quotes.
func FormatDate(t time.Time) string { return t.Format("_2-Jan-2006 15:04:05 -0700") }

// appendSync waits for the continuation before it sends the message.
func (r *raw) appendSync(name string, m Message) error {
	tag, err := r.send(fmt.Sprintf("APPEND %s%s{%d}", name, appendHead(m), len(m.Body)))
	if err != nil {
		return err
	}
	for {
		resp, err := r.response(nil)
		if err != nil {
			return fmt.Errorf("APPEND: %w", err)
		}
		if strings.HasPrefix(resp, "+") {
			break
		}
		if rest, ok := strings.CutPrefix(resp, tag+" "); ok {
			return &refusal{"APPEND", rest}
		}
	}
	if _, err := r.bw.Write(m.Body); err != nil {
		return err
	}
	if _, err := r.bw.WriteString("\r\n"); err != nil {
		return err
	}
	if err := r.bw.Flush(); err != nil {
		return err
	}
	return r.answers([]string{tag})
}

// appendPipelined writes a batch and reads the answers meanwhile: neither side
// then waits for the other with its buffers full.
func (r *raw) appendPipelined(name string, batch []Message) error {
	multi := r.caps["MULTIAPPEND"]
	var tags []string
	for range batch {
		if len(tags) > 0 && multi {
			break
		}
		r.tags++
		tags = append(tags, fmt.Sprintf("A%d", r.tags))
	}
	if err := r.nc.SetDeadline(time.Now().Add(r.timeout)); err != nil {
		return err
	}
	written := make(chan error, 1)
	go func() { written <- r.writeBatch(name, tags, batch) }()
	err := r.answers(tags)
	if err != nil {
		r.nc.Close() // ends the writing
	}
	if werr := <-written; err == nil {
		err = werr
	}
	return err
}

// writeBatch writes the messages with one command each, or with one for all if
// there is one tag only.
func (r *raw) writeBatch(name string, tags []string, batch []Message) error {
	for i, m := range batch {
		if i < len(tags) {
			if i > 0 {
				r.bw.WriteString("\r\n") // an error stays with the writer up to Flush
			}
			r.bw.WriteString(tags[i] + " APPEND " + name)
		}
		fmt.Fprintf(r.bw, "%s{%d+}\r\n", appendHead(m), len(m.Body))
		if err := r.nc.SetWriteDeadline(time.Now().Add(r.timeout)); err != nil {
			return err
		}
		if _, err := r.bw.Write(m.Body); err != nil {
			return err
		}
	}
	if _, err := r.bw.WriteString("\r\n"); err != nil {
		return err
	}
	return r.bw.Flush()
}

// answers waits for a tagged OK to each of tags, in order.
func (r *raw) answers(tags []string) error {
	for len(tags) > 0 {
		resp, err := r.response(nil)
		if err != nil {
			return fmt.Errorf("APPEND: %w", err)
		}
		if rest, ok := strings.CutPrefix(resp, tags[0]+" "); ok {
			if !strings.HasPrefix(rest, "OK") {
				return &refusal{"APPEND", rest}
			}
			tags = tags[1:]
		}
	}
	return nil
}
