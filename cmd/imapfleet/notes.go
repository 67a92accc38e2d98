package main

import (
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/mapping"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// lineNotes are sentences about rows of the list. The zero value has none.
type lineNotes struct {
	texts []string // each once, in the order they came
	lines map[string][]int
}

func (n *lineNotes) add(line int, text string) {
	if n.lines == nil {
		n.lines = make(map[string][]int)
	}
	if n.lines[text] == nil {
		n.texts = append(n.texts, text)
	}
	n.lines[text] = append(n.lines[text], line)
}

// mostNotes is how many different notes are printed below a title: what
// thousands of rows have to say, each of its own, is for files and --json.
const mostNotes = 100

// inJSON is where all notes are, written in a file or not.
const inJSON = "--json has them all"

// write prints each note once, with the lines that it is about, those of the
// most lines first; nothing where there is none. rest says where those are that
// are too many.
func (n *lineNotes) write(w io.Writer, title, rest string) {
	if len(n.texts) == 0 {
		return
	}
	slices.SortStableFunc(n.texts, func(a, b string) int { return len(n.lines[b]) - len(n.lines[a]) })
	fmt.Fprintf(w, "\n%s\n", title)
	for _, t := range n.texts[:min(len(n.texts), mostNotes)] {
		word := "line "
		if len(n.lines[t]) > 1 {
			word = "lines "
		}
		fmt.Fprintf(w, "  %s (%s%s)\n", t, word, throughput.FormatLines(n.lines[t]))
	}
	if more := len(n.texts) - mostNotes; more > 0 {
		fmt.Fprintf(w, "  and %s more: %s\n", throughput.FormatNumber(int64(more)), rest)
	}
}

// mappings are what rows that are only looked at say of where their mailboxes
// would go. It is safe for concurrent use.
type mappings struct {
	events *events

	mu    sync.Mutex
	notes map[int][]string // by line; a row may be looked at again
}

func (m *mappings) note(pair account.Pair, mapped *mapping.Map) {
	notes := mapped.Notes()
	if len(notes) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.notes == nil {
		m.notes = make(map[int][]string)
	}
	again := m.notes[pair.Line] != nil
	m.notes[pair.Line] = notes
	if !again {
		m.events.tell(throughput.Event{Type: throughput.EventMapped, Mapping: &throughput.Mapping{Line: pair.Line, Notes: notes}})
	}
}

// write prints them as lineNotes.
func (m *mappings) write(w io.Writer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all lineNotes
	lines := make([]int, 0, len(m.notes))
	for line := range m.notes {
		lines = append(lines, line)
	}
	slices.Sort(lines)
	for _, line := range lines {
		for _, n := range m.notes[line] {
			all.add(line, n)
		}
	}
	all.write(w, "mailboxes that go to another name, or nowhere", inJSON)
}
