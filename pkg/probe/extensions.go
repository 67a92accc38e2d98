package probe

import "github.com/imapfleet/imapfleet/pkg/imapconn"

// helpful is an extension that makes a migration faster or better.
type helpful struct {
	name, why string
	has       func(imapconn.Caps) bool
}

func ofSource() []helpful {
	return []helpful{
		{"CONDSTORE", "later passes would read only what has changed", func(c imapconn.Caps) bool { return c.Condstore }},
		{"LIST-STATUS", "all mailboxes would be looked at in one command", func(c imapconn.Caps) bool { return c.ListStatus }},
		{"STATUS=SIZE", "sizes would be known without asking for each message's", func(c imapconn.Caps) bool { return c.StatusSize }},
		{"ESEARCH", "UIDs would come as ranges, not one by one", func(c imapconn.Caps) bool { return c.ESearch }},
		{"SPECIAL-USE", "Sent, Drafts, Trash and Junk would be known for certain", func(c imapconn.Caps) bool { return c.SpecialUse }},
		{"COMPRESS=DEFLATE", "a slow line would carry more mail", func(c imapconn.Caps) bool { return c.Compress }},
	}
}

func ofDest() []helpful {
	return []helpful{
		{"MULTIAPPEND", "many messages would go in one command", func(c imapconn.Caps) bool { return c.MultiAppend }},
		{"LITERAL+", "a message would not wait for a round trip before it is sent", func(c imapconn.Caps) bool { return c.LiteralPlus }},
		{"UIDPLUS", "UIDs would be told, so that none must be looked up and lanes can share a mailbox", func(c imapconn.Caps) bool { return c.UIDPlus }},
		{"UNSELECT", "a mailbox could be left without opening another", func(c imapconn.Caps) bool { return c.Unselect }},
		{"LIST-STATUS", "all mailboxes would be looked at in one command", func(c imapconn.Caps) bool { return c.ListStatus }},
		{"STATUS=SIZE", "what is there already would be known without asking for each message's size", func(c imapconn.Caps) bool { return c.StatusSize }},
		{"SPECIAL-USE", "Sent, Drafts, Trash and Junk would be found for certain", func(c imapconn.Caps) bool { return c.SpecialUse }},
		{"QUOTA", "it would be known beforehand whether the mail fits", func(c imapconn.Caps) bool { return c.Quota }},
		{"COMPRESS=DEFLATE", "a slow line would carry more mail", func(c imapconn.Caps) bool { return c.Compress }},
	}
}

// missing are those that a server lacks. LITERAL- is less than LITERAL+, and
// the reason says so.
func missing(all []helpful, caps imapconn.Caps) []Extension {
	out := []Extension{}
	for _, h := range all {
		if h.has(caps) {
			continue
		}
		e := Extension{h.name, h.why}
		if h.name == "LITERAL+" && caps.LiteralMinus {
			e.Why = "it has LITERAL-, under which only messages up to 4096 octets do not wait for a round trip"
		}
		out = append(out, e)
	}
	return out
}
