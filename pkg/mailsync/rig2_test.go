package mailsync_test

import (
	"bytes"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// small gives a lane so little memory that messages must be streamed.
func small(o *mailsync.Options) { o.Memory, o.Lanes = 768<<10, 1 }

func make0(n int) []byte {
	return bytes.Repeat([]byte("0123456789abcdef0123456789abcdef0123456789abcde\r\n"), n/49)
}

// holds checks the number of messages in a destination mailbox.
func (r *rig) holds(path string, want int) {
	r.t.Helper()
	for _, m := range r.dump(r.dst).Mailboxes {
		if m.Name == r.dst.mailbox(path) {
			if len(m.Messages) != want {
				r.t.Errorf("%s holds %d messages, want %d", path, len(m.Messages), want)
			}
			return
		}
	}
	r.t.Errorf("%s is not there", path)
}

// remove deletes a mailbox behind the engine's back.
func (r *rig) remove(h host, path string) {
	r.t.Helper()
	if err := imaptest.Remove(r.t.Context(), h.access(r.user, password), h.mailbox(path)); err != nil {
		r.t.Fatal(err)
	}
}
