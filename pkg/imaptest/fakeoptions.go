package imaptest

import "strings"

// FakeOptions says what a [Fake] is like. The zero value is a well-behaved
// server on a loopback port that lets everybody in.
type FakeOptions struct {
	Pipe     bool   // net.Pipe instead of a socket; see MemoryOptions.Pipe
	Greeting string // the first line; "": `* OK Fake ready`
	// Caps are the capabilities after login; nil: FakeCaps. What else is done
	// where it is offered: LIST-EXTENDED (RETURN only), LIST-STATUS,
	// STATUS=SIZE, CONDSTORE (HIGHESTMODSEQ, CHANGEDSINCE, MODSEQ), QUOTA
	// (GETQUOTAROOT) and APPENDLIMIT (in STATUS).
	Caps []string
	// Delimiter between the levels of a name; "": "/".
	Delimiter string
	// Namespace is the whole answer to NAMESPACE; "": one personal namespace
	// without prefix.
	Namespace string
	// Quota are the quota roots of every mailbox, as QUOTA responses say them:
	// `"" (STORAGE 10 512)`.
	Quota []string
	// ID is the list that ID answers with; "": ("name" "Fake").
	ID string
	// Login, when set, returns "" to let a user in, or a refusal such as
	// "NO [AUTHENTICATIONFAILED] no". authzid is empty unless SASL PLAIN gave
	// one.
	Login func(authzid, user, password string) string
	// Intercept, when set, sees each command before it is done. It may answer
	// in the server's place; the zero FakeReply lets the command be done. It is
	// called by one goroutine per connection. An APPEND comes without its
	// messages; one that is answered here has its literals run as commands, as
	// some servers do.
	Intercept func(cmd FakeCommand) FakeReply
	// Append, when set, sees each message of an APPEND when its literal is
	// announced and may refuse it.
	Append func(msg FakeAppend) FakeRefusal
	// Whole, when set, sees each message of an APPEND once it is here and may
	// refuse it with an answer; "" takes it.
	Whole func(octets []byte) (answer string)
	// Show, when set, alters a message on its way into a FETCH response.
	Show func(m *FakeMessage)
	// NotAtomic makes a refused MULTIAPPEND keep the messages before the
	// refused one.
	NotAtomic bool
	// NoAppendUID leaves out the APPENDUID code although UIDPLUS is offered.
	NoAppendUID bool
	// FoldCase takes mailbox names that differ in letter case only for one, as
	// some servers do.
	FoldCase bool
	// NoUIDNext leaves UIDNEXT out of SELECT and STATUS.
	NoUIDNext bool
}

// FakeCaps returns what a [Fake] offers unless it is told otherwise.
func FakeCaps() []string {
	return []string{"IMAP4rev1", "LITERAL+", "MULTIAPPEND", "UIDPLUS", "NAMESPACE", "ID", "UNSELECT", "ESEARCH", "SASL-IR", "AUTH=PLAIN"}
}

// FakeReply answers a command in the server's place: lines without their CRLF,
// "TAG" at the beginning of one stands for the command's tag. Close ends the
// connection after them.
type FakeReply struct {
	Lines []string
	Close bool
}

// FakeCommand is a command line that a [Fake] got.
type FakeCommand struct {
	Conn int    // connection, counted from 0
	Tag  string // "" when the line had none
	Name string // in upper case, "UID FETCH" as one
	Args string // the rest of the line; literals as quoted strings, those of APPEND as {n} or {n+}
}

// FakeAppend is a message that a client offers with APPEND.
type FakeAppend struct {
	Conn    int
	Mailbox string // as on the wire, unquoted
	N       int    // its place among all messages offered to the server, from 0
	Place   int    // its place in its command, from 0
	Head    string // flags and date as sent
	Octets  int64
	NonSync bool // announced by {n+}
}

// FakeRefusal is the answer to an offered message; the zero value takes it.
// A BAD that is said at once to a non-synchronising literal is followed by
// what Dovecot 2.3 does: the literal is read as commands.
type FakeRefusal struct {
	HangUp bool   // end the connection instead, without a word
	Answer string // "NO [TOOBIG] no", "BAD no"
	AtEnd  bool   // said after the whole command, instead of at once
}

// FakeMailbox is a mailbox of a [Fake].
type FakeMailbox struct {
	Name       string // as on the wire, unquoted
	Attributes string // in LIST, without parentheses
	// List, when set, is the whole of its LIST response after "* LIST ", which
	// may hold a literal.
	List           string
	Subscribed     bool
	NoSelect       bool // SELECT is refused
	NoModSeq       bool // it keeps no mod-sequences although CONDSTORE is offered
	UIDValidity    uint32
	PermanentFlags string // in SELECT, with parentheses; "": the usual, "-": none said
	AppendLimit    string // in STATUS; "": NIL
	// Count and Message make the messages that are there from the beginning;
	// Message may be called concurrently. UID gives message i its UID, which
	// must rise with i; nil: i+1.
	Count   int
	Message func(i int) FakeMessage
	UID     func(i int) uint32
}

// FakeMessage is a message as a [Fake] shows it. Strings are sent as they are.
type FakeMessage struct {
	Flags   string // without parentheses; "-": no FLAGS item
	Date    string // what follows INTERNALDATE, quotes included; "": a fixed date; "-": no item
	Size    string // what follows RFC822.SIZE; "": the true size
	Body    []byte
	NilBody bool   // BODY[] NIL
	UIDLast bool   // UID is sent after the body
	Before  string // lines sent before its FETCH response, each with CRLF
	Refuse  string // "NO ..." that ends a FETCH when its turn comes
	Gone    bool   // listed by SEARCH, not given by FETCH
}

// FakeStored is a message that a [Fake] took by APPEND.
type FakeStored struct {
	UID    uint32
	Head   string // flags and date as sent
	Flags  string // without parentheses
	Date   string // with quotes, "" when none was sent
	Digest string // SHA-256 in hex
	Body   []byte
}

func (m *FakeMailbox) uid(i int) uint32 {
	if m.UID != nil {
		return m.UID(i)
	}
	return uint32(i) + 1
}

// FakeFrom makes a mailbox of a [Fake] out of one to be filled.
func FakeFrom(m Mailbox) FakeMailbox {
	return FakeMailbox{
		Name: EncodeName(m.Name), Subscribed: m.Subscribed, Count: m.Len(),
		Message: func(i int) FakeMessage {
			msg := m.At(i)
			fm := FakeMessage{Flags: strings.Join(msg.Flags, " "), Body: msg.Body}
			if !msg.Date.IsZero() {
				fm.Date = quote(FormatDate(msg.Date))
			}
			return fm
		},
	}
}
