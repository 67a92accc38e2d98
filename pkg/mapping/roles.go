package mapping

import (
	"strings"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// role is a special use of a mailbox (RFC 6154 section 2) and the names that
// clients give it where the server tells no attribute, best first, in lower
// case.
type role struct {
	attribute string
	names     []string
}

var roles = []role{
	{`\Sent`, []string{"sent", "sent messages", "sent items", "sent mail", "sent-mail", "gesendet", "gesendete objekte", "gesendete elemente", "envoyés", "éléments envoyés", "enviados", "elementos enviados", "posta inviata", "verzonden items"}},
	{`\Drafts`, []string{"drafts", "draft", "entwürfe", "brouillons", "borradores", "bozze", "concepten"}},
	{`\Trash`, []string{"trash", "deleted messages", "deleted items", "bin", "papierkorb", "gelöschte objekte", "gelöschte elemente", "corbeille", "éléments supprimés", "papelera", "elementos eliminados", "cestino", "prullenbak"}},
	{`\Junk`, []string{"junk", "spam", "junk e-mail", "junk email", "bulk mail", "junk-e-mail", "courrier indésirable", "correo no deseado", "posta indesiderata", "ongewenste e-mail"}},
	{`\Archive`, []string{"archive", "archives", "archiv"}},
}

// specials finds the mailboxes of one side that have a special use.
type specials struct {
	byUse map[string]imapconn.Mailbox // by attribute, in lower case: the first that has it
	tops  map[string]imapconn.Mailbox // without an attribute, at the top of the tree, by name in lower case
}

func newSpecials(boxes []imapconn.Mailbox, path func(imapconn.Mailbox) []string) specials {
	s := specials{byUse: map[string]imapconn.Mailbox{}, tops: map[string]imapconn.Mailbox{}}
	for _, b := range boxes {
		into, key := s.byUse, strings.ToLower(b.Use)
		if b.Use == "" {
			levels := path(b)
			if len(levels) != 1 {
				continue
			}
			into, key = s.tops, strings.ToLower(levels[0])
		}
		if _, ok := into[key]; !ok {
			into[key] = b
		}
	}
	return s
}

// holder returns the one mailbox that holds a role: the first with the
// attribute, else the one at the top of the tree whose name comes first in
// the role's list.
func (s specials) holder(r role) (imapconn.Mailbox, bool) {
	if b, ok := s.byUse[strings.ToLower(r.attribute)]; ok {
		return b, true
	}
	for _, name := range r.names {
		if b, ok := s.tops[name]; ok {
			return b, true
		}
	}
	return imapconn.Mailbox{}, false
}
