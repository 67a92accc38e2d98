package mapping

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// TestStored: what was copied stays where it is whatever the rules say later,
// and the user is told; what was not may follow them.
func TestStored(t *testing.T) {
	source := boxesOf(slash, "INBOX", "a", "b", "b/c", "x")
	stored := map[string]Choice{"a": {Dest: "a", Settled: true}, "b": {Dest: "b (2)", Settled: false}, "b/c": {Dest: "b (2)/c", Settled: true}, "x": {Dest: "wrong"}}
	in := Input{Source: source, Dest: boxesOf(slash, "INBOX", "a", "b", "b (2)"), Stored: stored}
	m := built(t, in)
	if d := cmp.Diff(want{"INBOX": "INBOX", "a": "a", "b": "b (2)", "b/c": "b (2)/c", "x": "x"}, goes(m)); d != "" || len(m.Warnings) > 0 {
		t.Errorf("routes (-want +got):\n%s%q", d, m.Warnings)
	}
	in.Rules.Map = []rules.Rename{{From: "a", To: "z"}, {From: "b", To: "z"}}
	m = built(t, in)
	if d := cmp.Diff(want{"INBOX": "INBOX", "a": "a", "b": "z", "b/c": "b (2)/c", "x": "x"}, goes(m)); d != "" {
		t.Errorf("with --map (-want +got):\n%s", d)
	}
	if len(m.Warnings) != 1 || !strings.Contains(m.Warnings[0], "a went to a in an earlier run and stays there, although --map says z") {
		t.Errorf("warnings: %q", m.Warnings)
	}
	in.Rules = rules.Rules{Subfolder2: "Old"}
	m = built(t, in)
	if d := cmp.Diff(want{"INBOX": "Old/INBOX", "a": "a", "b": "Old/b", "b/c": "b (2)/c", "x": "Old/x"}, goes(m)); d != "" || len(m.Warnings) != 2 {
		t.Errorf("with --subfolder2 (-want +got):\n%s%q", d, m.Warnings)
	}
}

// TestSettledIsJudgedAlike: on a rerun the user is told of a mailbox what the
// first run said, and of no rule that comes too late where the rules are the
// same.
func TestSettledIsJudgedAlike(t *testing.T) {
	special := boxesOf(slash, "INBOX", `Sent|\Sent`, `Trash|\Trash`)
	for name, in := range map[string]Input{
		"special use beats --regextrans2": {Source: boxesOf(slash, "INBOX", `Gesendet|\Sent`, "Gesendet/2020"), Dest: special,
			Rules: rules.Rules{Transforms: []rules.Transform{replaced("Gesendet", "X", false)}}},
		"special use below --subfolder1": {Source: boxesOf(slash, "INBOX", "Old/Sent Messages", "Old/a"), Dest: special, Rules: rules.Rules{Subfolder1: "Old"}},
		"a special parent of which nothing was copied": {Source: boxesOf(slash, "INBOX", `Bin|\Trash`, "Bin/x"), Dest: special,
			Rules: rules.Rules{Transforms: []rules.Transform{replaced("^z", "y", false)}}},
		"a parent that gave way and of which nothing was copied": {Source: boxesOf(slash, "INBOX", "INBOX/x", "x|noselect", "x/y"), Dest: boxesOf(dots, "INBOX")},
		"the same below --subfolder2":                            {Source: boxesOf(slash, "INBOX", "a.b", "a_b|noselect", "a.b/y", "a_b/y"), Dest: boxesOf(dots, "INBOX"), Rules: rules.Rules{Subfolder2: "Old"}},
		"two that only the destination makes one, by a rule": {Source: boxesOf(slash, "INBOX/x", "x"), Dest: boxesOf(dots, "INBOX"),
			Rules: rules.Rules{Transforms: []rules.Transform{replaced(`^INBOX\.`, "INBOX.Old.", false)}}},
		"the destination's spelling": {Source: boxesOf(slash, "INBOX", "work"), Dest: withSoftware(boxesOf(slash, "INBOX", "Work"), "Gimap")},
		"what it does not take":      {Source: boxesOf(slash, "INBOX", "50%", "50_", "50%/x"), Dest: withSoftware(boxesOf(slash, "INBOX"), "Cyrus")},
		"--map":                      {Source: boxesOf(slash, "INBOX", "a", "a/b"), Dest: special, Rules: rules.Rules{Map: []rules.Rename{{From: "a", To: "Sent"}}}},
	} {
		for _, all := range []bool{true, false} { // settled, or only those without others below
			t.Run(fmt.Sprint(name, all), func(t *testing.T) {
				first := built(t, in)
				in.Stored = map[string]Choice{}
				for _, r := range first.Routes {
					parent := slices.ContainsFunc(in.Source.Mailboxes, func(s imapconn.Mailbox) bool { return strings.HasPrefix(s.Name, r.Source.Name+"/") })
					in.Stored[r.Source.Wire] = Choice{Dest: r.Dest, Settled: all || !parent}
				}
				again := built(t, in)
				if d := cmp.Diff(goes(first), goes(again)); d != "" {
					t.Errorf("routes (-first +again):\n%s", d)
				}
				if d := cmp.Diff(first.Notes(), again.Notes()); d != "" {
					t.Errorf("notes (-first +again):\n%s", d)
				}
				for i, r := range first.Routes {
					if a := again.Routes[i]; a.Changed != r.Changed {
						t.Errorf("%s: %+v, then %+v", r.Source.Name, r, a)
					}
				}
			})
		}
	}
}

// TestLedgerLost: without what was stored everything goes where it went, also
// what had to give way, although the destination lists it by now.
func TestLedgerLost(t *testing.T) {
	in := Input{Source: boxesOf(slash, "INBOX", "INBOX/x", "x", "x/y", "50%", "50_", "a.b"), Dest: withSoftware(boxesOf(dots, "INBOX"), "Cyrus")}
	first := goes(built(t, in))
	var names []string
	for _, dest := range first {
		names = append(names, dest)
	}
	in.Dest = withSoftware(boxesOf(dots, names...), "Cyrus")
	m := built(t, in)
	if d := cmp.Diff(first, goes(m)); d != "" {
		t.Errorf("routes (-first +second):\n%s", d)
	}
	for _, r := range m.Routes {
		if !r.Exists {
			t.Errorf("%q is not found at the destination as %q", r.Source.Name, r.Dest)
		}
	}
}
