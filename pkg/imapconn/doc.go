// Package imapconn is one IMAP session with one server: Conn dials, secures
// and logs in, learns capabilities and namespaces, and then lists, selects,
// searches, fetches and appends. It hides what servers do differently: odd
// mailbox names, flags, dates and line forms are read tolerantly, and only
// what is certainly well formed is sent.
//
// go-imap reads the greeting and logs in; what its parser could die of, or
// what it cannot do, goes as raw commands through package wire on the same
// connection.
//
// A Conn does not reconnect, retry or decide what is to be migrated: that is
// mailsync's work. Every error is a *fault.Error with the side, host and step
// filled in, except that a cancelled context comes back as ctx.Err().
package imapconn
