package verify

import (
	"context"
	"errors"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// both works on the two sides of a lane at once and waits for both. What ends
// the account on one side stops the other; what costs a mailbox only does not,
// because a connection that is stopped in the middle is lost.
func both(ctx context.Context, source, dest func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var errs [2]error
	var wg sync.WaitGroup
	for i, work := range []func(ctx context.Context) error{source, dest} {
		wg.Go(func() {
			errs[i] = guarded(ctx, work)
			if errs[i] != nil && !mailsync.Mild(ctx, errs[i]) {
				cancel()
			}
		})
	}
	wg.Wait()
	if errs[0] == nil || errs[1] != nil && errors.Is(errs[0], context.Canceled) {
		return errs[1]
	}
	return errs[0]
}

// guarded does the work and makes a defect of ours the account's fault.
func guarded(ctx context.Context, work func(ctx context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	return work(ctx)
}
