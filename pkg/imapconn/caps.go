package imapconn

import (
	"math"
	"strconv"
	"strings"
)

// Caps is what the server says it can do, after login. The zero value is a
// server without extensions.
type Caps struct {
	LiteralPlus, LiteralMinus, MultiAppend bool     // RFC 7888, RFC 3502
	UIDPlus                                bool     // RFC 4315
	Condstore, QResync                     bool     // RFC 7162
	ListExtended, ListStatus, StatusSize   bool     // RFC 5258, RFC 5819, RFC 8438
	SpecialUse, CreateSpecialUse           bool     // RFC 6154
	Unselect, ESearch, Namespace, ID       bool     // RFC 3691, RFC 4731, RFC 2342, RFC 2971
	Move                                   bool     // RFC 6851
	Compress                               bool     // COMPRESS=DEFLATE (RFC 4978)
	Quota                                  bool     // RFC 9208, RFC 2087
	AppendLimit                            int64    // octets (RFC 7889); 0: none said
	MailboxAppendLimit                     bool     // each mailbox has one of its own: see Status
	MessageLimit                           int      // messages of one command (RFC 9738); 0: none said
	Raw                                    []string // as sent, in order

	loginDisabled, authPlain, startTLS bool
}

// parseCaps reads the names of a CAPABILITY response. IMAP4rev2 and what it
// implies count for nothing: it is never enabled here.
func parseCaps(names []string) Caps {
	c := Caps{Raw: names}
	flags := map[string]*bool{
		"LITERAL+": &c.LiteralPlus, "LITERAL-": &c.LiteralMinus, "MULTIAPPEND": &c.MultiAppend,
		"UIDPLUS": &c.UIDPlus, "CONDSTORE": &c.Condstore, "QRESYNC": &c.QResync,
		"LIST-EXTENDED": &c.ListExtended, "LIST-STATUS": &c.ListStatus, "STATUS=SIZE": &c.StatusSize,
		"SPECIAL-USE": &c.SpecialUse, "CREATE-SPECIAL-USE": &c.CreateSpecialUse,
		"UNSELECT": &c.Unselect, "ESEARCH": &c.ESearch, "NAMESPACE": &c.Namespace, "ID": &c.ID, "MOVE": &c.Move,
		"COMPRESS=DEFLATE": &c.Compress, "QUOTA": &c.Quota, "APPENDLIMIT": &c.MailboxAppendLimit,
		"LOGINDISABLED": &c.loginDisabled, "AUTH=PLAIN": &c.authPlain, "STARTTLS": &c.startTLS,
	}
	for _, n := range names {
		name := strings.ToUpper(n)
		if f, ok := flags[name]; ok {
			*f = true
		}
		if v, ok := strings.CutPrefix(name, "APPENDLIMIT="); ok {
			if limit, err := strconv.ParseUint(v, 10, 63); err == nil && limit <= math.MaxInt64 {
				c.AppendLimit = int64(limit)
			}
		}
		if v, ok := strings.CutPrefix(name, "MESSAGELIMIT="); ok {
			if limit, err := strconv.ParseUint(v, 10, 31); err == nil {
				c.MessageLimit = int(limit)
			}
		}
	}
	c.Condstore = c.Condstore || c.QResync
	return c
}
