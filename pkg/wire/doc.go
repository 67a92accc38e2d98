// Package wire carries one IMAP connection for two speakers: go-imap's client
// above it, and raw commands of our own that are pipelined on the same socket.
// Conn is its main type: a net.Conn that takes the server's responses apart
// while go-imap reads from it, gives each to the command that it answers, and
// lets go-imap see only what go-imap asked for.
//
// It knows lines, literals, tags and time, not what commands mean: which
// command to send, how to read a response and what a refusal stands for is
// imapconn's work.
//
// No goroutine is started here. Responses are demultiplexed on the goroutine
// that calls Conn.Read, which is go-imap's reader; handlers run on it.
package wire
