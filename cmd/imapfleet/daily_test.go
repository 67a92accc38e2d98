package main

import (
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

func TestDailyFlags(t *testing.T) {
	tests := []struct {
		flag, host string
		source     int64
		dest       int64
	}{
		{"", "imap.example.com", 0, 0},
		{"", "IMAP.gmail.com", 2_500_000_000, 500_000_000},
		{"", "imap.googlemail.com.", 2_500_000_000, 500_000_000},
		{"off", "imap.gmail.com", 0, 0},
		{"300MB", "imap.gmail.com", 300_000_000, 300_000_000},
		{"1GiB", "imap.example.com", 1 << 30, 1 << 30},
	}
	for _, tt := range tests {
		var f dailyFlags
		for i := range f {
			if tt.flag != "" {
				if err := f[i].Set(tt.flag); err != nil {
					t.Fatal(err)
				}
			}
			if f[i].String() == "" && tt.flag != "" {
				t.Errorf("%s prints as nothing", tt.flag)
			}
		}
		if s, d := f.of(fault.Source, tt.host), f.of(fault.Dest, tt.host); s != tt.source || d != tt.dest {
			t.Errorf("--daily %s at %s: %d and %d, want %d and %d", tt.flag, tt.host, s, d, tt.source, tt.dest)
		}
	}
	var v dailyValue
	for _, bad := range []string{"0", "-1", "much", ""} {
		if err := v.Set(bad); err == nil || v.set {
			t.Errorf("%q was taken", bad)
		}
	}
}
