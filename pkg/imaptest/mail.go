package imaptest

import "time"

// Message is one message to be stored. The zero value is a message of 0
// octets that gets the time at which it is stored.
type Message struct {
	Flags []string  // system flags and keywords
	Date  time.Time // INTERNALDATE; its zone is kept
	Body  []byte    // all octets, header included
}

// Mailbox is a mailbox to be filled. Its messages are either held in Messages
// or made on demand by Make, so that a large one costs no memory.
type Mailbox struct {
	Name       string // UTF-8, with the server's own delimiter and prefix
	Subscribed bool
	Messages   []Message
	// Make, when set, returns message i of Count, always the same one, and
	// Messages is not used. It may be called concurrently.
	Make  func(i int) Message
	Count int
}

// Len returns the number of messages.
func (m Mailbox) Len() int {
	if m.Make != nil {
		return m.Count
	}
	return len(m.Messages)
}

// At returns message i, counted from 0.
func (m Mailbox) At(i int) Message {
	if m.Make != nil {
		return m.Make(i)
	}
	return m.Messages[i]
}
