package plan

// keyed is a heap of things with a key, the least first. where is told of the
// place of each; nil: nobody asks. container/heap would make an interface of each
// thing, millions of times.
type keyed[T any] struct {
	items []item[T]
	where func(what T, at int)
}

type item[T any] struct {
	key  float64
	what T
}

func (h *keyed[T]) empty() bool { return len(h.items) == 0 }

func (h *keyed[T]) less(a, b int) bool { return h.items[a].key < h.items[b].key }

func (h *keyed[T]) swap(a, b int) {
	h.items[a], h.items[b] = h.items[b], h.items[a]
	if h.where != nil {
		h.where(h.items[a].what, a)
		h.where(h.items[b].what, b)
	}
}

// up and down restore the order around one place.
func (h *keyed[T]) up(at int) {
	for at > 0 {
		above := (at - 1) / 2
		if !h.less(at, above) {
			return
		}
		h.swap(at, above)
		at = above
	}
}

func (h *keyed[T]) down(at int) {
	for {
		least := at
		for below := 2*at + 1; below <= 2*at+2 && below < len(h.items); below++ {
			if h.less(below, least) {
				least = below
			}
		}
		if least == at {
			return
		}
		h.swap(at, least)
		at = least
	}
}

func (h *keyed[T]) push(key float64, what T) {
	h.items = append(h.items, item[T]{key, what})
	last := len(h.items) - 1
	if h.where != nil {
		h.where(what, last)
	}
	h.up(last)
}

func (h *keyed[T]) pop() T {
	last := len(h.items) - 1
	h.swap(0, last)
	out := h.items[last].what
	h.items = h.items[:last]
	h.down(0)
	return out
}

// move gives the item at a place another key.
func (h *keyed[T]) move(at int, key float64) {
	h.items[at].key = key
	h.up(at)
	h.down(at)
}
