package throughput

import (
	"fmt"
	"io"
)

// Bottleneck is what kept a run from being faster, in one sentence. Verdict is
// a stable phrase such as "destination server", Host the server meant, "" when
// it is none; Evidence are the figures it rests on, Advice what to do. The
// zero value says nothing: there was too little to judge by.
type Bottleneck struct {
	Verdict  string `json:"verdict"`
	Host     string `json:"host,omitempty"`
	Evidence string `json:"evidence"`
	Advice   string `json:"advice,omitempty"`
}

// Line is the sentence in its fixed form: bottleneck: VERDICT [HOST]
// (EVIDENCE); "" of the zero value.
func (b Bottleneck) Line() string {
	if b.Verdict == "" {
		return ""
	}
	out := "bottleneck: " + b.Verdict
	if b.Host != "" {
		out += " " + b.Host
	}
	return oneLine(out + " (" + b.Evidence + ")")
}

// write ends the text of a summary: the sentence, and what to do; nothing
// without a verdict.
func (b *Bottleneck) write(w io.Writer) {
	if b == nil || b.Verdict == "" {
		return
	}
	fmt.Fprintf(w, "\n%s\n", b.Line())
	if b.Advice != "" {
		fmt.Fprintf(w, "  to do: %s\n", oneLine(b.Advice))
	}
}

// Step is what a run did with so many lanes: totals over the time it had them.
// Latency is the mean time from a command to the destination's answer, in
// seconds; 0 when none came.
type Step struct {
	Lanes             int     `json:"lanes"`
	Seconds           float64 `json:"seconds"`
	MiBPerSecond      float64 `json:"mib_per_second"`
	MessagesPerSecond float64 `json:"messages_per_second"`
	Latency           float64 `json:"latency_seconds"`
	// Chosen is the number that a run settled at; Route names the hosts that it
	// is about, where a run has several pairs of them.
	Chosen bool   `json:"chosen,omitempty"`
	Route  string `json:"route,omitempty"`
}
