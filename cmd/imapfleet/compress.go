package main

import (
	"errors"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// compressValue is the flag --compress. It implements pflag.Value.
type compressValue imapconn.CompressMode

func (c *compressValue) String() string {
	switch imapconn.CompressMode(*c) {
	case imapconn.CompressOn:
		return "on"
	case imapconn.CompressOff:
		return "off"
	}
	return "auto"
}

func (c *compressValue) Type() string { return "when" }

func (c *compressValue) Set(s string) error {
	for _, mode := range []imapconn.CompressMode{imapconn.CompressAuto, imapconn.CompressOn, imapconn.CompressOff} {
		v := compressValue(mode)
		if v.String() == s {
			*c = v
			return nil
		}
	}
	return errors.New("must be auto, on or off")
}
