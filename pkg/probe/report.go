package probe

import (
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// Report is what a probe has found; its JSON is stable. Figures that were not
// measured are 0, lists without entries empty.
type Report struct {
	Type    string    `json:"type"` // "probe"
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"` // all of it, with the removal of mailboxes

	Rows []Row `json:"rows"` // that lent their accounts

	// The measurements, by rising lanes. Their rates are those for mail as Mix says,
	// whatever a step happened to move of it. Latency is, at the source, the time
	// from a FETCH that waits for nothing to its first octets; at the
	// destination, and for both, the time from the end of an APPEND to its
	// answer.
	Source []throughput.Step `json:"source"`
	Dest   []throughput.Step `json:"destination"`
	Both   []throughput.Step `json:"both"`
	// OctetShare is which part of a lane's time went by octets in Both, and not by
	// messages; 0.5 where accounts are too much alike to tell.
	OctetShare float64 `json:"octet_share"`
	// Ended says why a phase has fewer steps than were asked for.
	Ended []Ended `json:"ended"`

	RoundTrip1 float64 `json:"round_trip_seconds1"` // median of NOOPs
	RoundTrip2 float64 `json:"round_trip_seconds2"`
	// Logins is how many logins a second a server took, of a few at a time and
	// held to --login-rate.
	Logins1 float64 `json:"logins_per_second1"`
	Logins2 float64 `json:"logins_per_second2"`
	// Boxes is how many mailboxes with mail an account has at the source, on
	// average, and Making how long it takes to make and open one at the
	// destination, in seconds.
	Boxes   float64 `json:"mailboxes_per_account"`
	Making  float64 `json:"mailbox_seconds"`
	Server1 Server  `json:"server1"`
	Server2 Server  `json:"server2"`

	Mix     Mix   `json:"mix"`
	Read    int64 `json:"octets_read"`    // messages of the source
	Written int64 `json:"octets_written"` // messages that the destination has taken

	Mailboxes Mailboxes `json:"mailboxes"`

	Slower   string  `json:"slower"`   // "source", "destination", or "" where neither is, or it is not known
	Parallel int     `json:"parallel"` // what --parallel is recommended; 0: none
	Rate     float64 `json:"expected_mib_per_second"`
	Messages float64 `json:"expected_messages_per_second"`
	Verdict  string  `json:"verdict"` // in one sentence
	// Notes are what else should be known, each a sentence.
	Notes []string `json:"notes"`
}

// Row is one row of the list.
type Row struct {
	Line  int    `json:"line"`
	User1 string `json:"user1"`
	User2 string `json:"user2"`
	Fault string `json:"fault,omitempty"` // why it took no part, with the server's words
	Hint  string `json:"hint,omitempty"`  // what to do
}

// Ended says why a phase was ended before its time.
type Ended struct {
	Phase Phase  `json:"phase"`
	Lanes int    `json:"lanes"` // at which number
	Why   string `json:"why"`
	Hint  string `json:"hint,omitempty"`
}

// Server is what was learned of one side. Times are medians, in seconds.
type Server struct {
	Host           string      `json:"host"`
	Software       string      `json:"software"`
	Security       string      `json:"security"` // "TLS 1.3", or "plain"
	Connect        float64     `json:"connect_seconds"`
	TLS            float64     `json:"tls_seconds"`
	Login          float64     `json:"login_seconds"`
	LeastRoundTrip float64     `json:"least_round_trip_seconds"`
	MaxPerUser     int         `json:"max_per_user"` // connections, as the server says; 0: it did not
	MaxPerHost     int         `json:"max_per_host"`
	Missing        []Extension `json:"missing"` // extensions that would help
}

// Extension is one that a server lacks.
type Extension struct {
	Name string `json:"name"`
	Why  string `json:"why"` // what it would be good for
}

// Mix is the sizes of the messages that took part, in octets, as sampled.
type Mix struct {
	Messages int   `json:"messages"`
	Mean     int64 `json:"mean"`
	Median   int64 `json:"median"`
	P90      int64 `json:"p90"`
	Max      int64 `json:"max"`
	LeftOut  int   `json:"left_out"` // larger than Limit
	Limit    int64 `json:"limit"`
	Usual    bool  `json:"usual"` // not sampled, but what mail usually is
}

// Mailboxes is what became of the destination's mailboxes.
type Mailboxes struct {
	Made    int    `json:"made"`
	Removed int    `json:"removed"`
	Left    []Left `json:"left"` // what could not be removed
	// Earlier are those that a killed probe has left.
	EarlierRemoved []Left `json:"earlier_removed"`
	EarlierSeen    []Left `json:"earlier_seen"` // and that ReadOnly has not touched
}

// Left is a mailbox of a probe.
type Left struct {
	Line    int    `json:"line"`
	User    string `json:"user2"`
	Mailbox string `json:"mailbox"`
	Why     string `json:"why,omitempty"`
}
