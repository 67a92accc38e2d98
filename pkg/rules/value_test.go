package rules

import "testing"

func TestValue(t *testing.T) {
	if v := (*Rules)(nil).Value(); v.JustLogin || v.Messages != (Messages{}) {
		t.Errorf("%+v", v)
	}
	if v := (&Rules{JustLogin: true}).Value(); !v.JustLogin {
		t.Errorf("%+v", v)
	}
}
