package imaptest

import "testing"

// TestOddMessages: each has a name of its own, and all but two have octets of
// their own, so that a test can tell what became of which.
func TestOddMessages(t *testing.T) {
	names, octets := map[string]bool{}, map[string]int{}
	odd := OddMessages()
	for _, m := range odd {
		if names[m.Name] {
			t.Errorf("two are called %q", m.Name)
		}
		names[m.Name] = true
		octets[string(m.Body)]++
	}
	if len(octets) != len(odd)-1 || octets[oddHead("equal")+"\r\ntext\r\n"] != 2 {
		t.Errorf("%d messages, %d of them different", len(odd), len(octets))
	}
	if !names[OddLarge] {
		t.Errorf("there is no %q", OddLarge)
	}
}

// TestFillOdd: what a server refuses is told, and the rest is there.
func TestFillOdd(t *testing.T) {
	for name, access := range map[string]func(t *testing.T) Access{
		"fake": func(t *testing.T) Access {
			return NewFake(t, FakeOptions{Append: func(m FakeAppend) FakeRefusal {
				switch {
				case m.Octets == 0:
					return FakeRefusal{HangUp: true}
				case m.Octets == 1:
					return FakeRefusal{Answer: "NO too short"}
				}
				return FakeRefusal{}
			}}).Access()
		},
		"dovecot": func(t *testing.T) Access {
			d := NewDovecotSlash(t)
			if err := d.AddUser("odd", "secret"); err != nil {
				t.Fatal(err)
			}
			return d.Access("odd", "secret")
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := access(t)
			odd := OddMessages()
			refused, err := FillOdd(t.Context(), a, "odd", odd)
			if err != nil {
				t.Fatal(err)
			}
			for name, why := range refused {
				t.Logf("%s: %s", name, why)
			}
			if refused["zero octets"] == "" || len(refused) > 20 {
				t.Errorf("%d were refused", len(refused))
			}
			c, err := Dump(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			if n := c.Messages(); n != len(odd)-len(refused) {
				t.Errorf("%d of %d messages are there, %d were refused", n, len(odd), len(refused))
			}
		})
	}
}
