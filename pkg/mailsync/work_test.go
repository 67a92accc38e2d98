package mailsync

import "testing"

// A stretch that is given back before any of it was asked for keeps the order
// of its mailbox: that is not split.
func TestReleaseSplits(t *testing.T) {
	for _, begun := range []bool{false, true} {
		w, pt := &work{}, &part{b: &box{parts: 1}, rest: []uint32{1, 2, 3}}
		if begun {
			w.chunk(pt, 1)
		}
		w.release(pt)
		if pt.b.split != begun || pt.b.parts != 2 || len(w.loose) != 1 {
			t.Errorf("begun %v: split %v, %d parts, %d given back", begun, pt.b.split, pt.b.parts, len(w.loose))
		}
	}
}
