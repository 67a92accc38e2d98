package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imapfleet/imapfleet/pkg/rules"
)

// sectionKey is the annotation of a flag with the title that help shows it
// under.
const sectionKey = "section"

func title(f *pflag.Flag, section string) {
	f.Annotations = map[string][]string{sectionKey: {section}}
}

// section puts the flags that register adds under one title of help.
func section(fs *pflag.FlagSet, name string, register func(*pflag.FlagSet)) {
	before := map[string]bool{}
	fs.VisitAll(func(f *pflag.Flag) { before[f.Name] = true })
	register(fs)
	fs.VisitAll(func(f *pflag.Flag) {
		if !before[f.Name] {
			title(f, name)
		}
	})
}

// sectionOf is the title of a group of options.
func sectionOf(g rules.Group) string {
	switch g {
	case rules.Connections:
		return sectionConnections
	case rules.Mailboxes:
		return "Which mailboxes, and where they go"
	case rules.Selection:
		return "Which messages"
	case rules.Changes:
		return "What may be changed, at the destination only"
	case rules.Modes:
		return sectionModes
	}
	return sectionOther
}

const (
	sectionConnections = "How to reach the servers"
	sectionModes       = "What is done at all"
	sectionRows        = "Which rows, and how many at a time"
	sectionSpeed       = "Speed and memory"
	sectionOutput      = "What is said, and where it is kept"
	sectionOther       = "Other"
)

// helpWidth is where help breaks lines.
const helpWidth = 110

// usage writes the flags of a command under their titles.
func usage(cmd *cobra.Command) error {
	out := cmd.OutOrStderr()
	fmt.Fprintf(out, "Usage:\n  %s\n", cmd.UseLine())
	if cmd.HasExample() {
		fmt.Fprintf(out, "\nExamples:\n%s\n", cmd.Example)
	}
	titles, sections := flagSections(cmd.Flags())
	for _, t := range titles {
		fmt.Fprintf(out, "\n%s:\n%s", t, sections[t].FlagUsagesWrapped(helpWidth))
	}
	return nil
}

// flagSections sorts flags by their titles, in the order of registration;
// those without one come last.
func flagSections(fs *pflag.FlagSet) (titles []string, sections map[string]*pflag.FlagSet) {
	sections = map[string]*pflag.FlagSet{}
	fs.SortFlags = false
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name := sectionOther
		if t := f.Annotations[sectionKey]; len(t) > 0 {
			name = t[0]
		}
		if sections[name] == nil {
			sections[name] = pflag.NewFlagSet(name, pflag.ContinueOnError)
			sections[name].SortFlags = false
			titles = append(titles, name)
		}
		sections[name].AddFlag(f)
	})
	if i := slices.Index(titles, sectionOther); i >= 0 {
		titles = append(slices.Delete(titles, i, i+1), sectionOther)
	}
	return titles, sections
}
