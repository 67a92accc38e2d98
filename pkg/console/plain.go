package console

import (
	"fmt"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// plainLine says in one line, without control characters, how far the run is.
func plainLine(f facts) string {
	parts := []string{fmt.Sprintf("progress %d%%", int(f.fraction*100))}
	if f.octets {
		parts = append(parts, throughput.FormatOctets(f.handled)+" of "+throughput.FormatOctets(f.expected))
	} else {
		parts = append(parts, throughput.FormatOctets(f.copied)+" copied")
	}
	parts = append(parts,
		throughput.FormatRate(f.mib)+" MiB/s",
		throughput.FormatRate(f.messages)+" messages/s",
		rowsLine(f.counts))
	for _, s := range f.counts.Waiting[:min(parkedMost, len(f.counts.Waiting))] {
		parts = append(parts, clean(s))
	}
	if f.hasETA {
		parts = append(parts, "ETA "+throughput.FormatDuration(f.eta))
	}
	return strings.Join(parts, ", ")
}
