package main

import (
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

func TestRoundTrips(t *testing.T) {
	type said struct {
		dir  imaptest.Direction
		text string
	}
	up, down := imaptest.Up, imaptest.Down
	tests := []struct {
		name string
		said []said
		want int
	}{
		{"nothing", nil, 0},
		{"login only", []said{{down, "* OK"}, {up, "a1 LOGIN u p\r\n"}, {down, "a1 OK"}}, 0},
		{"before login", []said{{down, "* OK"}, {up, "a1 CAPABILITY"}, {down, "a1 OK"}, {up, "a2 AUTHENTICATE PLAIN x"}, {down, "a2 OK"}}, 0},
		{"two commands and goodbye", []said{
			{down, "* OK"}, {up, "a1 LOGIN u p"}, {down, "a1 OK"}, {up, "a2 LIST"}, {down, "* LIST"}, {down, "a2 OK"},
			{up, "a3 LOGOUT"}, {down, "a3 OK"},
		}, 2},
		{"commands that do not wait", []said{
			{down, "* OK"}, {up, "a1 LOGIN u p"}, {down, "a1 OK"}, {up, "a2 LIST"}, {up, "a3 NAMESPACE"}, {down, "a2 OK"}, {down, "a3 OK"},
		}, 1},
		{"a LOGIN later", []said{{down, "* OK"}, {up, "a1 LOGIN u p"}, {down, "a1 OK"}, {up, "a2 CREATE LOGIN x"}, {down, "a2 OK"}}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var ds dialogs
			ds.octets(0, up, []byte("a1 NOOP"))
			for _, s := range tt.said {
				ds.octets(1, s.dir, []byte(s.text))
			}
			if n := ds.most(); n != tt.want {
				t.Errorf("%d round trips, want %d", n, tt.want)
			}
		})
	}
}
