package imaptest

import (
	"bytes"
	"reflect"
	"slices"
	"testing"
)

func TestGeneratorSameAgain(t *testing.T) {
	a, b := NewGenerator(7, RealSpec()), NewGenerator(7, RealSpec())
	c := NewGenerator(8, RealSpec())
	same := 0
	for i := range 200 {
		m := a.Mailbox("x", 200).At(i)
		if !reflect.DeepEqual(m, b.Mailbox("x", 200).At(i)) {
			t.Fatalf("message %d differs from itself", i)
		}
		if bytes.Equal(m.Body, c.Mailbox("x", 200).At(i).Body) || bytes.Equal(m.Body, a.Mailbox("y", 200).At(i).Body) {
			same++
		}
	}
	if same > 0 {
		t.Errorf("%d messages do not depend on seed and name", same)
	}
}

func TestGeneratorMixture(t *testing.T) {
	const n = 4000
	g := NewGenerator(1, Spec{Median: 2000, Mean: 6000, Max: 300000, EightBit: 0.2, Duplicate: 0.1,
		NoMessageID: 0.1, NoHeader: 0.1, Commands: 0.1, Flags: 1, Keywords: []string{"k"}})
	var sizes []int
	sum := 0
	seen := make(map[string]bool)
	var eight, duplicate, noID, noHeader, commands, keyword int
	for i := range n {
		m := g.Message(i)
		sizes, sum = append(sizes, len(m.Body)), sum+len(m.Body)
		count := func(ok bool, p *int) {
			if ok {
				*p++
			}
		}
		count(seen[string(m.Body)], &duplicate)
		seen[string(m.Body)] = true
		count(bytes.ContainsFunc(m.Body, func(r rune) bool { return r > 127 }), &eight)
		header := bytes.HasPrefix(m.Body, []byte("Return-Path:"))
		count(!header, &noHeader)
		count(header && !bytes.Contains(m.Body, []byte("Message-ID:")), &noID)
		count(bytes.Contains(m.Body, []byte("\r\na0 CREATE obeyed")), &commands)
		count(slices.Contains(m.Flags, "k"), &keyword)
		if bytes.Count(m.Body, []byte("\n")) != bytes.Count(m.Body, []byte("\r\n")) || m.Date.Nanosecond() != 0 {
			t.Fatalf("message %d has a bare LF or a fraction of a second", i)
		}
	}
	slices.Sort(sizes)
	within := func(what string, got, low, high int) {
		if got < low || got > high {
			t.Errorf("%s: %d, want %d to %d", what, got, low, high)
		}
	}
	within("median", sizes[n/2], 1700, 2300)
	within("mean", sum/n, 4500, 7500)
	within("largest", sizes[n-1], 50000, 300600)
	within("8-bit", eight, n*17/100, n*23/100)
	within("duplicates", duplicate, n*8/100, n*12/100)
	within("no header", noHeader, n*8/100, n*12/100)
	within("no Message-ID", noID, n*7/100, n*11/100)
	within("commands", commands, n*8/100, n*12/100)
	within("keyword", keyword, n*8/100, n*12/100)
}
