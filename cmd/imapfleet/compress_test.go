package main

import (
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

func TestCompressValue(t *testing.T) {
	if s := new(compressValue).String(); s != "auto" {
		t.Errorf("the default is %q", s)
	}
	for text, want := range map[string]imapconn.CompressMode{"auto": imapconn.CompressAuto, "on": imapconn.CompressOn, "off": imapconn.CompressOff} {
		v := compressValue(imapconn.CompressOff)
		if err := v.Set(text); err != nil || imapconn.CompressMode(v) != want || v.String() != text {
			t.Errorf("Set(%q): %v, %v", text, err, &v)
		}
	}
	for _, text := range []string{"", "ON", "yes"} {
		if new(compressValue).Set(text) == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
