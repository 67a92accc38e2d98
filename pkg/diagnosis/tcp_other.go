//go:build !linux

package diagnosis

import "net"

// readSending is what the system knows of a connection's sending: here nothing.
func readSending(net.Conn) (Sending, bool) { return Sending{}, false }
