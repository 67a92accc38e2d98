package account

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// bigList is a list of n rows, none like another.
func bigList(n int, header string) string {
	var b strings.Builder
	b.WriteString(header)
	for i := range n {
		fmt.Fprintf(&b, "imap%d.old.example;user%[2]d@old.example;s3cret-%[2]d;imap.new.example;user%[2]d@new.example;S3cret-%[2]d;\n", i%50, i)
	}
	return b.String()
}

func TestLoadBig(t *testing.T) {
	const rows = 20_000
	list, err := Load(strings.NewReader(bigList(rows, "")), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if last := list.Pairs[len(list.Pairs)-1]; len(list.Pairs) != rows || last.Line != rows || last.Dest.Password.Reveal() != "S3cret-19999" {
		t.Errorf("%d pairs, the last of line %d", len(list.Pairs), last.Line)
	}
}

// BenchmarkLoad loads 100,000 rows per op.
func BenchmarkLoad(b *testing.B) {
	plain := bigList(100_000, "")
	for name, in := range map[string]string{
		"plain": plain, "headed": bigList(100_000, head+"\n"),
		"one option": strings.ReplaceAll(plain, ";\n", ";--exclude ^Spam$ --maxage 30;\n"),
		"own option": regexp.MustCompile(`(-\d+);\n`).ReplaceAllString(plain, "${1};--subfolder2 Old$1;\n"),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Load(strings.NewReader(in), Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
