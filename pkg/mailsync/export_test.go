package mailsync

import "sync/atomic"

// WatchMemory keeps in high the most octets that any window of the engine
// has held so far, what it costs to hold them included.
func WatchMemory(o *Options, high *atomic.Int64) { o.held = high }
