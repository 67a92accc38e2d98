package probe

import (
	"testing"

	"go.uber.org/goleak"
)

// No probe leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
