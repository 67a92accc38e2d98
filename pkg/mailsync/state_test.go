package mailsync

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// A ledger that fails ends the run; one that was not waited for, or refuses
// what concerns one row, does not.
func TestState(t *testing.T) {
	if err := state(errors.New("disk full")); fault.ScopeOf(err) != fault.Run || fault.CodeOf(err) != fault.State {
		t.Errorf("error %v", err)
	}
	if err := state(fmt.Errorf("mailbox 1: %w", ledger.ErrSettled)); fault.ScopeOf(err) != fault.Account {
		t.Errorf("error %v (%v)", err, fault.ScopeOf(err))
	}
	for _, err := range []error{nil, fmt.Errorf("ledger: %w", context.Canceled), fmt.Errorf("ledger: %w", context.DeadlineExceeded)} {
		if got := state(err); got != err {
			t.Errorf("%v became %v (%v)", err, got, fault.ScopeOf(got))
		}
	}
}
