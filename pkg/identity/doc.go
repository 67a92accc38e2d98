// Package identity tells whether two messages on two servers are the same one,
// without believing any single header: Digester makes a digest that survives
// what servers are known to alter, Join brings together those of two sides
// that have something in common. It opens no connection and decides nothing:
// what is done with messages that are alike is for mailsync and verify.
package identity
