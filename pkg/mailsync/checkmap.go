package mailsync

// landing is where the messages of a source mailbox go.
type landing struct {
	dest   string // name at the destination
	exists bool   // the destination has it
}

// mapNames finds a place for each source mailbox that is migrated, and tells
// what an operator may not expect of the names.
func (c *checking) mapNames() error {
	m, err := mapped(c.p.rules, &c.source, &c.dest, nil)
	if err != nil {
		return err
	}
	c.places = make(map[string]landing, len(m.Routes))
	for _, r := range m.Routes {
		if r.LeftOut == "" {
			c.places[r.Source.Wire] = landing{r.Dest, r.Exists}
		}
	}
	for _, note := range m.Notes() {
		c.find(Note, FindMapping, note)
	}
	return nil
}

// moving are the source's mailboxes whose messages have a place.
func (c *checking) moving() weights {
	var out weights
	if c.p.rules.JustFolders || c.p.rules.JustLogin {
		return nil
	}
	for _, w := range c.weights[0] {
		if _, ok := c.places[w.box.Wire]; ok {
			out = append(out, w)
		}
	}
	return out
}
