package probe

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestProbe(t *testing.T) {
	for _, users := range [][]string{{"anna"}, {"anna", "bernd", "carla"}} {
		t.Run(fmt.Sprint(len(users)), func(t *testing.T) {
			r := newRig(t, memoryServer(t), memoryServer(t), users...)
			rep, err := Run(t.Context(), quick(r.pairs()))
			if err != nil {
				t.Fatal(err)
			}
			out, err := json.MarshalIndent(rep, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			if len(rep.Source) != 3 || len(rep.Dest) != 3 || len(rep.Both) != 3 || len(rep.Ended) > 0 {
				t.Errorf("%d, %d, %d steps; ended %v\n%s", len(rep.Source), len(rep.Dest), len(rep.Both), rep.Ended, out)
			}
			if strings.Contains(string(out), secret) {
				t.Error("a password is in the report")
			}
			r.untouched()
		})
	}
}
