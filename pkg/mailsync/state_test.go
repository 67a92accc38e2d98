package mailsync

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// A ledger that fails ends the run; one that was not waited for does not.
func TestState(t *testing.T) {
	if err := state(errors.New("disk full")); fault.ScopeOf(err) != fault.Run || fault.CodeOf(err) != fault.State {
		t.Errorf("error %v", err)
	}
	for _, err := range []error{nil, fmt.Errorf("ledger: %w", context.Canceled), fmt.Errorf("ledger: %w", context.DeadlineExceeded)} {
		if got := state(err); got != err {
			t.Errorf("%v became %v (%v)", err, got, fault.ScopeOf(got))
		}
	}
}
