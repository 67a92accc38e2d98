package rules_test

import (
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/rules"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

// Cases 64 and 65 of the conformance list: an instant counts, in days of UTC;
// --maxage above --minage is an intersection, below it a union.
func TestWantsDate(t *testing.T) {
	since, before := at("2024-03-10T15:00:00+02:00"), at("2024-03-20T23:30:00-05:00") // the 10th and the 21st in UTC
	for _, tt := range []struct {
		name  string
		rules rules.Messages
		date  string
		want  bool
	}{
		{"no rule", rules.Messages{}, "1970-01-01T00:00:00Z", true},
		{"since: first instant", rules.Messages{Since: since}, "2024-03-10T00:00:00Z", true},
		{"since: just before", rules.Messages{Since: since}, "2024-03-09T23:59:59Z", false},
		{"since: local day before, UTC day in", rules.Messages{Since: since}, "2024-03-09T23:30:00-08:00", true},
		{"since: local day in, UTC day before", rules.Messages{Since: since}, "2024-03-10T01:00:00+02:00", false},
		{"before: last instant", rules.Messages{Before: before}, "2024-03-20T23:59:59Z", true},
		{"before: the day itself", rules.Messages{Before: before}, "2024-03-21T00:00:00Z", false},
		{"both: inside", rules.Messages{Since: since, Before: before}, "2024-03-15T00:00:00Z", true},
		{"both: too old", rules.Messages{Since: since, Before: before}, "2024-03-01T00:00:00Z", false},
		{"both: too new", rules.Messages{Since: since, Before: before}, "2024-04-01T00:00:00Z", false},
		{"outside: older", rules.Messages{Since: before, Before: since, Outside: true}, "2024-03-01T00:00:00Z", true},
		{"outside: newer", rules.Messages{Since: before, Before: since, Outside: true}, "2024-04-01T00:00:00Z", true},
		{"outside: between", rules.Messages{Since: before, Before: since, Outside: true}, "2024-03-15T00:00:00Z", false},
		{"outside with one bound", rules.Messages{Since: since, Outside: true}, "2024-03-01T00:00:00Z", false},
	} {
		if got := tt.rules.WantsDate(at(tt.date)); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// Case 63: both bounds are selected.
func TestWantsSize(t *testing.T) {
	for _, tt := range []struct {
		min, max, octets int64
		want             bool
	}{
		{0, 0, 1 << 40, true}, {100, 0, 99, false}, {100, 0, 100, true}, {0, 100, 100, true}, {0, 100, 101, false},
		{100, 100, 100, true}, {100, 200, 150, true}, {0, 100, 0, true},
	} {
		r := rules.Messages{MinSize: tt.min, MaxSize: tt.max}
		if got := r.WantsSize(tt.octets); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

// Every field counts, but for the time of a day.
func TestFingerprint(t *testing.T) {
	if got := (rules.Messages{}).Fingerprint(); got != "" {
		t.Errorf("no rules: %q", got)
	}
	seen := map[string]string{}
	v := reflect.TypeFor[rules.Messages]()
	for i := range v.NumField() {
		m := rules.Messages{}
		switch f := reflect.ValueOf(&m).Elem().Field(i); f.Interface().(type) {
		case time.Time:
			f.Set(reflect.ValueOf(at("2024-03-10T15:00:00+02:00")))
		case bool:
			f.SetBool(true)
		case int64:
			f.SetInt(7)
		case string:
			f.SetString("UNSEEN")
		default:
			t.Fatalf("field %s is of a kind that this test does not know", v.Field(i).Name)
		}
		print := m.Fingerprint()
		if other, ok := seen[print]; ok || print == "" {
			t.Errorf("%s has the fingerprint %q of %q", v.Field(i).Name, print, other)
		}
		seen[print] = v.Field(i).Name
	}
	a, b := rules.Messages{Since: at("2024-03-10T15:00:00+02:00")}, rules.Messages{Since: at("2024-03-10T00:00:01Z")}
	if a.Fingerprint() != b.Fingerprint() {
		t.Error("one day has two fingerprints")
	}
	if b.Since = at("2024-03-11T00:00:01Z"); a.Fingerprint() == b.Fingerprint() {
		t.Error("two days have one fingerprint")
	}
}

func TestMailboxFingerprint(t *testing.T) {
	if got := (*rules.Rules)(nil).MailboxFingerprint() + (&rules.Rules{}).MailboxFingerprint(); got != "" {
		t.Errorf("no rules: %q", got)
	}
	some := []string{"a"}
	pattern := []rules.Pattern{{Regexp: regexp.MustCompile("a"), Raw: "a"}}
	seen := map[string]int{}
	for i, r := range []rules.Rules{
		{Subfolder1: "a"}, {Folders: some}, {Folders: []string{"b"}}, {FolderTrees: some}, {Include: pattern}, {Exclude: pattern},
		{Subscribed: true}, {Views: true}, {Map: []rules.Rename{{From: "a", To: "b"}}},
	} {
		print := r.MailboxFingerprint()
		if other, ok := seen[print]; ok || print == "" {
			t.Errorf("rules %d have the fingerprint %q of %d", i, print, other)
		}
		seen[print] = i
	}
	for i, r := range []rules.Rules{
		{NoAutomap: true}, {Subfolder2: "a"}, {Transforms: []rules.Transform{{Raw: "s/a/b/"}}}, {SkipEmpty: true}, {NoSubscribe: true},
		{JustFolders: true}, {Messages: rules.Messages{MaxSize: 7}},
	} {
		if print := r.MailboxFingerprint(); print != "" {
			t.Errorf("rules %d pick other mailboxes: %q", i, print)
		}
	}
}
