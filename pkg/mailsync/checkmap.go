package mailsync

// landing is where the messages of a source mailbox go.
type landing struct {
	dest   string // name at the destination
	exists bool   // the destination has it
}

// mapNames finds a place for each source mailbox that is migrated, and tells
// what an operator may not expect of the names. The error is that the rules
// name a mailbox that the source does not have.
func (c *checking) mapNames() error {
	m, err := mapped(c.p.rules, &c.source, &c.dest, nil)
	if err != nil {
		return err
	}
	for _, w := range m.Warnings {
		c.find(Warning, FindMapping, w)
	}
	c.places = make(map[string]landing, len(m.Routes))
	for i := range m.Routes {
		r := &m.Routes[i]
		if r.LeftOut == "" {
			c.places[r.Source.Wire] = landing{r.Dest, r.Exists}
		}
		level := Note
		if r.Changed { // neither the user nor a special use wants that name
			level = Warning
		}
		if note := r.Note(); note != "" {
			c.find(level, FindMapping, note)
		}
	}
	return nil
}

// moving are the source's mailboxes whose messages have a place.
func (c *checking) moving() weights {
	if c.p.rules.JustFolders || c.p.rules.JustLogin {
		return nil
	}
	var out weights
	for _, w := range c.weights[0] {
		if _, ok := c.places[w.box.Wire]; ok {
			out = append(out, w)
		}
	}
	return out
}
