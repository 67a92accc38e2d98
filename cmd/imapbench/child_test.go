package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain lets the test binary be what imapbench starts to run imapfleet.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == launchCommand {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestLaunch(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	held := bytes.Repeat([]byte("x"), 200<<20) // what the child must not be charged with
	out, err := exec.Command(self, launchCommand, self, "-test.run=^TestMemory$").Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var u usage
	if err := json.Unmarshal(out, &u); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if u.Seconds <= 0 || u.User+u.System <= 0 || u.PeakRSS < 1<<20 || u.PeakRSS > int64(len(held)) {
		t.Errorf("%+v", u)
	}
	if err := exec.Command(self, launchCommand, self, "-test.nosuchflag").Run(); err == nil {
		t.Error("a child that failed is no error")
	}
	if err := exec.Command(self, launchCommand, "/nosuch/program").Run(); err == nil {
		t.Error("a child that is not there is no error")
	}
}

func TestFleetCheck(t *testing.T) {
	const head = "line;state;listed;copied;already_there;seconds\n"
	a := &account{user: "u", messages: 5}
	tests := []struct {
		name, file string
		work       work
		want       string // of the error; "": none
	}{
		{"copied", head + "1;done;5;5;0;1.5\n", copies, ""},
		{"again", head + "1;done;5;0;5;0.1\n", again, ""},
		{"not done", head + "1;incomplete;5;5;0;1.5\n", copies, "incomplete"},
		{"not all", head + "1;done;5;4;0;1.5\n", copies, "copied:4"},
		{"copied twice", head + "1;done;5;5;0;0.1\n", again, "copied:5"},
		{"no row", head, copies, "0 rows, not 1"},
		{"empty", "", copies, "0 records"},
		{"odd", head + "1;done;5;5;0;soon\n", copies, "seconds"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fleet{dir: t.TempDir()}
			if err := os.MkdirAll(filepath.Dir(f.state("x")), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(f.state("results.csv"), []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			rows, err := f.check([]*account{a}, tt.work)
			if tt.want == "" && (err != nil || rows[0].seconds <= 0) {
				t.Errorf("%+v, %v", rows, err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}
