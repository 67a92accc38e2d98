// Package ratelimit holds connections to a rate of octets, and logins to a rate
// of their own (Logins). Its main type is
// Limiter, one bucket that any number of connections share; Wrap puts a
// connection under limiters, below TLS, so that what counts is what the wire
// carries. A Schedule says which rate holds at which time of the day.
//
// It does not know which octets are worth limiting, nor on which side: that is
// the caller's choice of limiters for reading and for writing.
//
// No goroutine is started here.
package ratelimit
