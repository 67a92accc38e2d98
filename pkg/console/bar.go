package console

import (
	"io"
	"strings"

	"github.com/schollz/progressbar/v3"
)

// bar renders a bar of so many columns between its brackets, with the
// percentage before it. The characters are ASCII: block characters are two
// columns wide on some terminals. It says 100 % only when all is done.
func bar(fraction float64, columns int) string {
	b := progressbar.NewOptions64(100,
		progressbar.OptionSetWriter(io.Discard),
		progressbar.OptionSetWidth(columns),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetTheme(progressbar.Theme{
			Saucer: "=", SaucerHead: ">", SaucerPadding: " ", BarStart: "[", BarEnd: "]",
		}))
	// Neither call can fail: the writer is io.Discard and 100 is not exceeded.
	percent := int64(max(0, min(1, fraction)) * 100)
	if percent == 0 {
		_ = b.RenderBlank()
	} else {
		_ = b.Set64(percent)
	}
	// The library gives the percentage five places.
	return strings.TrimPrefix(strings.TrimRight(strings.Trim(b.String(), "\r\n"), " "), " ")
}
