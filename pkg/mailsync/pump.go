package mailsync

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// pump moves todo from the source mailbox to the destination mailbox: the
// fetcher fills the window on a goroutine of its own, the writer empties it on
// the caller's. Messages that an earlier pass could not place go last and
// singly.
func (p *pass) pump(ctx context.Context, b *box, src, dst *opened, todo []uint32) error {
	prior := func(u uint32) bool { _, ok := b.rejects[u]; return ok }
	var last []uint32
	for _, u := range todo {
		if prior(u) {
			last = append(last, u)
		}
	}
	win := newWindow(p.e.share)
	win.high = p.e.opt.held
	f := &fetcher{p: p, src: src, win: win, normal: slices.DeleteFunc(todo, prior), last: last}
	fctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	var ferr error
	go func() {
		defer close(done)
		defer close(win.items)
		defer func() {
			if r := recover(); r != nil {
				ferr = &fault.Error{Code: fault.Panic, Op: "fetch", Err: fmt.Errorf("%v\n%s", r, debug.Stack())}
			}
		}()
		ferr = f.run(fctx)
	}()
	w := &writer{p: p, b: b, dst: dst, win: win, breaks: map[uint32]int{}, asideAt: map[uint32]int64{}}
	werr := w.guarded(ctx)
	finished := werr == nil
	if !finished {
		win.stop()
		cancel() // the source may be in the middle of a literal: its connection ends
	}
	<-done
	if !finished {
		p.src.drop()
		return werr
	}
	return ferr
}

// guarded is run, and lets go of everything when it panics, so that whoever
// waits for the writer ends too.
func (w *writer) guarded(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &fault.Error{Code: fault.Panic, Op: "append", Err: fmt.Errorf("%v\n%s", r, debug.Stack())}
			w.b.unclear = true
			for _, c := range append(w.flying, w.open) {
				if c != nil {
					w.doubt = append(w.doubt, c.items...)
				}
			}
			w.abandon()
			w.dst.s.drop()
		}
	}()
	return w.run(ctx)
}
