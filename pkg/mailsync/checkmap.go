package mailsync

import "fmt"

// place is where the messages of a source mailbox go.
type place struct {
	dest   string // name at the destination
	exists bool   // the destination lists it
}

// mapNames finds a place for each source mailbox that is migrated, and tells
// what an operator may not expect of the names.
func (c *checking) mapNames() {
	c.places = make(map[string]place, len(c.source.boxes))
	for _, r := range mapMailboxes(c.source.boxes, c.dest.boxes, c.source.tree, c.dest.tree, nil) {
		if r.source.NoSelect {
			continue
		}
		c.places[r.source.Wire] = place{r.dest, r.exists}
		if r.note != "" {
			c.find(Note, FindMapping, fmt.Sprintf("%s goes to %s: %s", r.source.Name, r.dest, r.note))
		}
	}
}

// moving are the source's mailboxes whose messages have a place.
func (c *checking) moving() weights {
	var out weights
	if r := c.p.pair.Rules; r != nil && (r.JustFolders || r.JustLogin) {
		return nil
	}
	for _, w := range c.weights[0] {
		if _, ok := c.places[w.box.Wire]; ok {
			out = append(out, w)
		}
	}
	return out
}
