package imaptest

import (
	"bytes"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// uidSet is a parsed sequence set (RFC 9051 section 9, sequence-set).
type uidSet []struct{ from, to uint32 }

// parseSet reads a set; "*" is last.
func parseSet(s string, last uint32) (uidSet, bool) {
	var set uidSet
	for part := range strings.SplitSeq(s, ",") {
		a, b, both := strings.Cut(part, ":")
		from, ok := parseUID(a, last)
		to, ok2 := from, true
		if both {
			to, ok2 = parseUID(b, last)
		}
		if !ok || !ok2 {
			return nil, false
		}
		set = append(set, struct{ from, to uint32 }{min(from, to), max(from, to)})
	}
	return set, true
}

func parseUID(s string, last uint32) (uint32, bool) {
	if s == "*" {
		return last, true
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil && n > 0
}

func (s uidSet) has(uid uint32) bool {
	for _, r := range s {
		if r.from <= uid && uid <= r.to {
			return true
		}
	}
	return false
}

// view is what a mailbox held when it was asked for.
type view struct {
	box     FakeMailbox
	stored  []FakeStored
	came    []uint64
	changed map[uint32]fakeChange
}

// view returns the messages of the selected mailbox that the client knows of.
func (c *fakeConn) view() view {
	c.tell()
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	b := c.selected
	// What is appended later does not change this part of the slice.
	return view{box: b.FakeMailbox, stored: b.stored[:c.known-b.Count], came: b.came, changed: maps.Clone(b.changed)}
}

func (v view) total() int { return v.box.Count + len(v.stored) }

// uid returns the UID of message i without the cost of making it.
func (v view) uid(i int) uint32 {
	if i < v.box.Count {
		return v.box.uid(i)
	}
	return v.stored[i-v.box.Count].UID
}

func (v view) at(i int) FakeMessage {
	var m FakeMessage
	if i < v.box.Count {
		m = v.box.Message(i)
	} else {
		s := v.stored[i-v.box.Count]
		m = FakeMessage{Flags: s.Flags, Date: s.Date, Body: s.Body}
	}
	if c, ok := v.changed[v.uid(i)]; ok {
		m.Flags = c.flags
	}
	return m
}

// modSeq is the mod-sequence of message i.
func (v view) modSeq(i int) uint64 {
	if c, ok := v.changed[v.uid(i)]; ok {
		return c.modSeq
	}
	if i < v.box.Count {
		return 1
	}
	return v.came[i-v.box.Count]
}

// last returns the highest UID, 0 when there is none.
func (v view) last() uint32 {
	if v.total() == 0 {
		return 0
	}
	return v.uid(v.total() - 1)
}

// search answers UID SEARCH of ALL, UID sets or LARGER, alone or with RETURN
// (ALL).
func (c *fakeConn) search(cmd FakeCommand) error {
	if c.selected == nil {
		return c.no(cmd, "BAD no mailbox selected")
	}
	v := c.view()
	args := strings.ToUpper(cmd.Args)
	rest, extended := strings.CutPrefix(args, "RETURN (ALL) ")
	if extended && !c.f.offers("ESEARCH") {
		return c.no(cmd, "BAD ESEARCH is not offered")
	}
	found, ok := v.searcher(rest)
	if !ok {
		return c.no(cmd, "BAD only ALL, UID and LARGER can be searched for")
	}
	var uids []uint32
	for i := range v.total() {
		if found(i) {
			uids = append(uids, v.uid(i))
		}
	}
	switch {
	case extended && len(uids) == 0:
		c.line("* ESEARCH (TAG %s) UID", quote(cmd.Tag))
	case extended:
		c.line("* ESEARCH (TAG %s) UID ALL %s", quote(cmd.Tag), printSet(uids))
	default:
		var b strings.Builder
		for _, uid := range uids {
			fmt.Fprintf(&b, " %d", uid)
		}
		c.line("* SEARCH%s", b.String())
	}
	return c.ok(cmd)
}

// searcher returns what a search key says of message i.
func (v view) searcher(key string) (found func(i int) bool, ok bool) {
	name, arg, _ := strings.Cut(key, " ")
	switch name {
	case "ALL":
		return func(int) bool { return true }, arg == ""
	case "UID":
		set, ok := parseSet(arg, v.last())
		return func(i int) bool { return set.has(v.uid(i)) }, ok
	case "LARGER":
		octets, err := strconv.ParseUint(arg, 10, 32)
		return func(i int) bool { return uint64(len(v.at(i).Body)) > octets }, err == nil
	}
	return nil, false
}

// printSet writes rising UIDs as a set.
func printSet(uids []uint32) string {
	var b strings.Builder
	for i := 0; i < len(uids); {
		j := i
		for j+1 < len(uids) && uids[j+1] == uids[j]+1 {
			j++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d", uids[i])
		if j > i {
			fmt.Fprintf(&b, ":%d", uids[j])
		}
		i = j + 1
	}
	return b.String()
}

// fetch answers UID FETCH.
func (c *fakeConn) fetch(cmd FakeCommand) error {
	if c.selected == nil {
		return c.no(cmd, "BAD no mailbox selected")
	}
	v := c.view()
	text, items, _ := strings.Cut(cmd.Args, " ")
	set, ok := parseSet(text, v.last())
	if !ok {
		return c.no(cmd, "BAD no UID set")
	}
	vs, err := parseValues(strings.ToUpper(items))
	if err != nil || len(vs) == 0 {
		return c.no(cmd, "BAD no FETCH items")
	}
	names := []string{vs[0].text}
	if vs[0].isList {
		names = texts(vs[0].list)
	}
	since, bad := c.changedSince(vs[1:])
	if bad != "" {
		return c.no(cmd, bad)
	}
	if since > 0 {
		names = append(names, "MODSEQ")
	}
	for i := range v.total() {
		if !set.has(v.uid(i)) || v.modSeq(i) <= since {
			continue
		}
		m := v.at(i)
		if c.f.opt.Show != nil {
			c.f.opt.Show(&m)
		}
		if m.Refuse != "" {
			return c.no(cmd, m.Refuse)
		}
		if m.Gone {
			continue
		}
		if !c.fetchOne(i+1, v.uid(i), v.modSeq(i), m, names) {
			return c.no(cmd, "BAD unknown FETCH item in "+strings.Join(names, " "))
		}
		// A client that reads slowly is waited for here, holding nothing.
		if err := c.bw.Flush(); err != nil {
			return err
		}
	}
	return c.ok(cmd)
}

// fetchOne writes one FETCH response. It returns false for an item that it
// does not know.
func (c *fakeConn) fetchOne(seq int, uid uint32, modSeq uint64, m FakeMessage, names []string) bool {
	var parts [][]byte
	add := func(format string, args ...any) { parts = append(parts, fmt.Appendf(nil, format, args...)) }
	if !m.UIDLast {
		add("UID %d", uid)
	}
	for _, name := range names {
		switch name {
		case "UID":
		case "MODSEQ":
			add("MODSEQ (%d)", modSeq)
		case "FLAGS":
			if m.Flags != "-" {
				add("FLAGS (%s)", m.Flags)
			}
		case "INTERNALDATE":
			switch m.Date {
			case "-":
			case "":
				add(`INTERNALDATE "17-Jul-1996 02:44:25 -0700"`)
			default:
				add("INTERNALDATE %s", m.Date)
			}
		case "RFC822.SIZE":
			if m.Size == "" {
				m.Size = strconv.Itoa(len(m.Body))
			}
			add("RFC822.SIZE %s", m.Size)
		case "BODY.PEEK[]", "BODY[]":
			parts = append(parts, bodyItem("BODY[] ", m, m.Body))
		case "BODY.PEEK[HEADER]", "BODY[HEADER]":
			parts = append(parts, bodyItem("BODY[HEADER] ", m, headerOf(m.Body)))
		default:
			return false
		}
	}
	if m.UIDLast {
		add("UID %d", uid)
	}
	c.bw.WriteString(m.Before) // an error stays with the writer up to Flush
	fmt.Fprintf(c.bw, "* %d FETCH (", seq)
	c.bw.Write(bytes.Join(parts, []byte(" ")))
	c.line(")")
	return true
}

func bodyItem(name string, m FakeMessage, p []byte) []byte {
	if m.NilBody {
		return []byte(name + "NIL")
	}
	return append(fmt.Appendf(nil, "%s{%d}\r\n", name, len(p)), p...)
}

// headerOf returns what stands before the body, with the blank line.
func headerOf(p []byte) []byte {
	if bytes.HasPrefix(p, []byte("\r\n")) {
		return p[:2]
	}
	if i := bytes.Index(p, []byte("\r\n\r\n")); i >= 0 {
		return p[:i+4]
	}
	return p
}
