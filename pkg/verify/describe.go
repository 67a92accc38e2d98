package verify

import (
	"context"
	"mime"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/identity"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// describe reads the headers of the messages that somebody will look for: each
// that is missing or differs, and each that its user has removed or moved.
func (r *row) describe(ctx context.Context, l *lane, all []Finding) error {
	byBox := map[*sourceBox]map[uint32][]*Finding{}
	for i := range all {
		f := &all[i]
		if f.box == nil || f.UID == 0 || f.Explained && f.Kind != Removed && f.Kind != Moved && f.Kind != Accepted {
			continue
		}
		if byBox[f.box] == nil {
			byBox[f.box] = map[uint32][]*Finding{}
		}
		byBox[f.box][f.UID] = append(byBox[f.box][f.UID], f)
	}
	for b, findings := range byBox {
		uids := make([]uint32, 0, len(findings))
		for u := range findings {
			uids = append(uids, u)
		}
		slices.Sort(uids)
		err := l.src.Mailbox(b.wire).Headers(ctx, uids, func(uid uint32, header []byte) {
			for _, f := range findings[uid] {
				f.MessageID = fault.Clean(identity.Field(header, "Message-ID"))
				if r.v.opt.Subjects {
					f.Subject = subject(header)
				}
			}
		})
		if err != nil && !mailsync.Mild(ctx, err) {
			return err
		}
	}
	for i := range all {
		all[i].box = nil
	}
	return nil
}

// subject is what a person reads (RFC 2047); as it stands where that cannot be
// decoded.
func subject(header []byte) string {
	raw := identity.Field(header, "Subject")
	if text, err := new(mime.WordDecoder).DecodeHeader(raw); err == nil {
		raw = text
	}
	return fault.Clean(raw)
}
