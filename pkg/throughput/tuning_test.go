package throughput

import (
	"strings"
	"testing"
)

func TestTuningLine(t *testing.T) {
	mib := func(f float64) Rate { return Rate{MiBPerSecond: f, MessagesPerSecond: 10 * f, Latency: 0.1} }
	tests := []struct {
		t    Tuning
		want string
	}{
		{Tuning{From: 12, To: 14, Lanes: 14, Before: mib(31), After: mib(33.5), Reason: TunedFaster}, "parallel 12 -> 14: 31.0 -> 33.5 MiB/s"},
		{Tuning{From: 12, To: 18, Lanes: 12, Before: mib(31), After: mib(31.2), Reason: TunedNoGain}, "parallel 12 -> 18: 31.0 -> 31.2 MiB/s, no gain: back to 12"},
		{Tuning{From: 12, To: 6, Lanes: 6, Before: mib(31), After: mib(31), Reason: TunedAsFast}, "parallel 12 -> 6: 31.0 -> 31.0 MiB/s"},
		{Tuning{From: 6, To: 3, Lanes: 6, Before: mib(31), After: mib(20), Reason: TunedSlower}, "parallel 6 -> 3: 31.0 -> 20.0 MiB/s: back to 6"},
		{Tuning{From: 6, To: 6, Lanes: 6, Reason: TunedSettled, Route: "a to b"}, "parallel 6: settled (a to b)"},
		{Tuning{From: 6, To: 40, Lanes: 40, Reason: TunedFixed}, "parallel 6 -> 40: fixed"},
		{Tuning{From: 16, To: 12, Lanes: 12, Reason: TunedRefused, Text: "new.example says: slow\ndown"}, "parallel 16 -> 12: new.example says: slow down"},
		{Tuning{From: 8, To: 12, Lanes: 12, Before: Rate{MessagesPerSecond: 9}, After: Rate{MessagesPerSecond: 12}, Reason: TunedFaster}, "parallel 8 -> 12: 9.00 -> 12.0 messages/s"},
		{Tuning{From: 8, To: 12, Lanes: 12, Before: Rate{RowsPerSecond: 9}, After: Rate{RowsPerSecond: 12}, Reason: TunedFaster}, "parallel 8 -> 12: 9.00 -> 12.0 rows/s"},
	}
	for _, tt := range tests {
		if got := tt.t.Line(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestKneeText(t *testing.T) {
	s := Summary{Knee: []Step{{Lanes: 8, Seconds: 20, MiBPerSecond: 21.5, MessagesPerSecond: 300, Latency: 0.12}, {Lanes: 12, Seconds: 600, MiBPerSecond: 30, MessagesPerSecond: 420, Chosen: true}}}
	var b strings.Builder
	s.writeKnee(&b)
	want := `
lanes tried                   MiB/s messages/s    latency       time
  8                            21.5        300     120 ms        20s
  12  <- settled               30.0        420          -    10m 00s
`
	if b.String() != want {
		t.Errorf("got %s\nwant %s", b.String(), want)
	}
	s.Knee, b = s.Knee[:1], strings.Builder{}
	if s.writeKnee(&b); b.Len() > 0 {
		t.Errorf("nothing was compared: %s", b.String())
	}
}
