package mailsync_test

import (
	"testing"

	"go.uber.org/goleak"
)

// No pass leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
