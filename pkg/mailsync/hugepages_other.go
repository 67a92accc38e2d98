//go:build !linux

package mailsync

// wantHugePages does nothing: such systems decide by themselves.
func wantHugePages([]byte) {}
