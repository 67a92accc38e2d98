package throughput

import (
	"encoding/json"
	"strconv"
	"time"
)

// Until is how long from now the end is; false when it is not known.
func (e End) Until(now time.Time) (time.Duration, bool) {
	if e.At.IsZero() {
		return 0, false
	}
	return max(0, e.At.Sub(now)), true
}

// Text says when it ends and what decides it, such as "ends about 16:40 (line
// 17, ann@example.com, 41.0 GiB left)"; the day is said where it is not that of
// now. It is empty where nothing is left, or where it is too early to tell.
func (e End) Text(now time.Time) string { return oneLine(e.when(now) + e.what(true)) }

// Short is Text with less of what decides it, for a line that is not long enough.
func (e End) Short(now time.Time) string { return oneLine(e.when(now) + e.what(false)) }

func (e End) when(now time.Time) string {
	if e.At.IsZero() {
		switch e.Why {
		case EndStalled, EndFar:
			return "no end in sight: " + e.Why
		case EndPaused:
			return "ends when what is paused is resumed"
		}
		return ""
	}
	at, now := e.At.Local(), now.Local()
	layout := "15:04"
	if at.Format(time.DateOnly) != now.Format(time.DateOnly) {
		layout = "2006-01-02 15:04"
	}
	if e.AtLeast {
		return "ends at " + at.Format(layout) + " or later"
	}
	return "ends about " + at.Format(layout)
}

func (e End) what(long bool) string {
	if e.At.IsZero() && (e.Why == "" || e.Why == EndEarly || e.Why == EndUnsized) {
		return ""
	}
	last := ""
	if e.Last.Line != 0 {
		last = "line " + strconv.Itoa(e.Last.Line) + ", " + e.Last.Label + ", " + FormatOctets(e.Last.Octets)
	}
	if e.Alone {
		last += " left"
	} else {
		all := several(int64(e.Rows), "row") + ", " + FormatOctets(e.Left) + " left"
		if last != "" && long {
			all += "; longest: " + last
		}
		last = all
	}
	if e.Guessed > 0 && long {
		last += "; size of " + several(int64(e.Guessed), "row") + " unknown"
	}
	return " (" + last + ")"
}

// endJSON is the stable form of an End; fields are only ever added.
type endJSON struct {
	At      *time.Time `json:"at,omitempty"`
	Why     string     `json:"unknown,omitempty"`
	AtLeast bool       `json:"at_least,omitempty"`
	Left    int64      `json:"octets_left"`
	Rows    int        `json:"rows_left"`
	Guessed int        `json:"rows_of_unknown_size,omitempty"`
	Last    *lastJSON  `json:"last,omitempty"`
}

type lastJSON struct {
	Line   int    `json:"line"`
	Label  string `json:"account"`
	Octets int64  `json:"octets_left"`
	Alone  bool   `json:"decides"`
}

// MarshalJSON gives "at", or "unknown" with the reason, what is left, and in
// "last" the account that ends last.
func (e End) MarshalJSON() ([]byte, error) {
	out := endJSON{At: timeOrNil(e.At), Why: e.Why, AtLeast: e.AtLeast, Left: e.Left, Rows: e.Rows, Guessed: e.Guessed}
	if e.Last.Line != 0 {
		out.Last = &lastJSON{Line: e.Last.Line, Label: e.Last.Label, Octets: e.Last.Octets, Alone: e.Alone}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON gave.
func (e *End) UnmarshalJSON(b []byte) error {
	var in endJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*e = End{Why: in.Why, AtLeast: in.AtLeast, Left: in.Left, Rows: in.Rows, Guessed: in.Guessed}
	if in.At != nil {
		e.At = *in.At
	}
	if l := in.Last; l != nil {
		e.Last, e.Alone = Load{Line: l.Line, Label: l.Label, Octets: l.Octets}, l.Alone
	}
	return nil
}
