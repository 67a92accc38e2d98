package console

import (
	"fmt"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// plainLine says in one line, without control characters, how far the run is.
func plainLine(f throughput.View) string {
	parts := []string{fmt.Sprintf("progress %d%%", int(f.Fraction*100))}
	if f.InOctets {
		parts = append(parts, throughput.FormatOctets(f.Handled)+" of "+throughput.FormatOctets(f.Expected))
	} else {
		parts = append(parts, throughput.FormatOctets(f.Run.Octets)+" copied")
	}
	parts = append(parts,
		throughput.FormatRate(f.MiB)+" MiB/s",
		throughput.FormatRate(f.Messages)+" messages/s",
		rowsLine(f.RowCounts))
	for _, s := range notes(f) {
		parts = append(parts, clean(s))
	}
	if d, ok := f.End.Until(f.Now); ok {
		parts = append(parts, "ETA "+throughput.FormatDuration(d))
	}
	if end := clean(f.End.Text(f.Now)); end != "" {
		parts = append(parts, end)
	}
	if f.Bottleneck != nil {
		parts = append(parts, clean(f.Bottleneck.Line()))
	}
	return strings.Join(parts, ", ")
}
