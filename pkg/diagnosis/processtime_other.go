//go:build !unix && !windows

package diagnosis

import "time"

// processTime is the processor time of the process; 0: unknown.
func processTime() time.Duration { return 0 }
