package mailsync

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/identity"
)

// texts is a side whose messages are there in full, numbered from 1.
func texts(all []string) party {
	digest := func(uid uint32) *identity.Digester {
		d := identity.NewPartsDigester()
		d.Write([]byte(all[uid-1]))
		return d
	}
	ids := make([]ident, len(all))
	for i, text := range all {
		d := digest(uint32(i + 1))
		head, _ := d.Sums()
		ids[i] = ident{uid: uint32(i + 1), octets: int64(len(text)), head: head, name: d.Name(),
			date: dateOf(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))}
	}
	return party{count: len(all),
		idents: func(_ context.Context, s stack) ([]ident, error) { return s.pick(ids), nil },
		whole: func(_ context.Context, uids []uint32) (map[uint32]identity.Sum, error) {
			out := map[uint32]identity.Sum{}
			for _, u := range uids {
				_, out[u] = digest(u).Sums()
			}
			return out, nil
		},
		parts: func(_ context.Context, uids []uint32) (map[uint32]identity.Parts, error) {
			out := map[uint32]identity.Parts{}
			for _, u := range uids {
				out[u] = digest(u).Parts()
			}
			return out, nil
		},
	}
}

// TestMatchAddedFields is case 47: a message to which somebody at the
// destination has added header fields is that message still; another one is
// not, whatever it shares with it.
func TestMatchAddedFields(t *testing.T) {
	const (
		received = "Received: by new.example.org\r\n"
		list     = "List-Id: <list.example.org>\r\n"
		a        = "Message-ID: <1@x>\r\nDate: today\r\nSubject: a\r\n\r\nbody\r\n"
		noDate   = "Message-ID: <1@x>\r\nSubject: a\r\n\r\nbody\r\n"
		nameless = "Subject: a\r\n\r\nbody\r\n"
	)
	other := strings.Replace(a, "body", "Body", 1)
	for _, tt := range []struct {
		name         string
		source, dest []string
		want         map[uint32]uint32
	}{
		{"a field was added", []string{a}, []string{received + a}, map[uint32]uint32{1: 1}},
		{"no Date", []string{noDate}, []string{received + noDate}, map[uint32]uint32{1: 1}},
		{"another body", []string{a}, []string{received + other}, map[uint32]uint32{}},
		{"a field was taken away", []string{received + a}, []string{a}, map[uint32]uint32{}},
		{"a field was changed", []string{a}, []string{received + strings.Replace(a, "Subject: a", "Subject: b", 1)}, map[uint32]uint32{}},
		{"a name is what it is found by", []string{nameless}, []string{received + nameless}, map[uint32]uint32{}},
		{"two equal ones, one is there", []string{a, a}, []string{received + a}, map[uint32]uint32{1: 1}},
		{"one, and two are there", []string{a}, []string{received + a, list + a}, map[uint32]uint32{1: 1}},
		{"the message itself comes first", []string{a}, []string{received + a, a}, map[uint32]uint32{1: 2}},
		{"by way of a list, and with a field added", []string{a, list + a}, []string{received + list + a}, map[uint32]uint32{2: 1}},
		{"by way of a list: another message", []string{list + a}, []string{received + a}, map[uint32]uint32{}},
		{"both, both with a field added", []string{a, list + a}, []string{received + list + a, received + a}, map[uint32]uint32{1: 2, 2: 1}},
		{"one Message-ID, two bodies, both changed", []string{a, other}, []string{received + other, received + a}, map[uint32]uint32{1: 2, 2: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, rounds := range []int{1, 3} {
				got, err := match(t.Context(), texts(tt.source), texts(tt.dest), rounds)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(tt.want, mapOf(got)); d != "" {
					t.Errorf("%d rounds: pairs (-want +got):\n%s", rounds, d)
				}
			}
		})
	}
}

// TestMatchReadsOnlyNamesakes: what has no partner and no name in common with
// anything is not read once more.
func TestMatchReadsOnlyNamesakes(t *testing.T) {
	source, dest := texts([]string{"Message-ID: <1@x>\r\n\r\nb"}), texts([]string{"Message-ID: <2@x>\r\n\r\nb"})
	none := func(_ context.Context, uids []uint32) (map[uint32]identity.Parts, error) {
		t.Errorf("%d bodies were asked for: %v", len(uids), slices.Clone(uids))
		return nil, nil
	}
	source.parts, dest.parts = none, none
	if got, err := match(t.Context(), source, dest, 1); err != nil || len(got) > 0 {
		t.Errorf("pairs %v, %v", got, err)
	}
}

// TestMatchBlank: what the destination shows nothing of is told by octets and
// date, unless it could be one of several.
func TestMatchBlank(t *testing.T) {
	const blank = "\r\n\r\n\r\n" // where a message of as many octets was stored
	for _, tt := range []struct {
		name         string
		source, dest []string
		want         map[uint32]uint32
	}{
		{"one", []string{"noth\r\n"}, []string{blank}, map[uint32]uint32{1: 1}},
		{"two, both there", []string{"noth\r\n", "ing!\r\n"}, []string{blank, blank}, map[uint32]uint32{1: 1, 2: 2}},
		{"two, one there", []string{"noth\r\n", "ing!\r\n"}, []string{blank}, map[uint32]uint32{}},
		{"another size", []string{"noth"}, []string{blank}, map[uint32]uint32{}},
		{"not blank", []string{"noth\r\n"}, []string{"else\r\n"}, map[uint32]uint32{}},
		{"blank itself", []string{blank, "noth\r\n"}, []string{blank, blank}, map[uint32]uint32{1: 1, 2: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := match(t.Context(), texts(tt.source), texts(tt.dest), 1)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, mapOf(got)); d != "" {
				t.Errorf("pairs (-want +got):\n%s", d)
			}
		})
	}
}
