package mailsync

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

// roleHolder returns the one mailbox that holds the role: the first with the
// attribute, else the one at the top of the tree whose name comes first in
// the role's list.
func roleHolder(boxes []imapconn.Mailbox, r role, t tree) (imapconn.Mailbox, bool) {
	for _, b := range boxes {
		if strings.EqualFold(b.Use, r.attribute) {
			return b, true
		}
	}
	for _, name := range r.names {
		for _, b := range boxes {
			path := t.split(b)
			if b.Use == "" && len(path) == 1 && strings.ToLower(path[0]) == name {
				return b, true
			}
		}
	}
	return imapconn.Mailbox{}, false
}
