package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// programs are what this test binary is when it is called by their names.
var programs = map[string]func(){"imapfleet": main}

func TestMain(m *testing.M) {
	testscript.Main(ownCache{m}, programs)
}

// ownCache keeps the tests' locks out of the cache directory of whoever runs
// them.
type ownCache struct{ m *testing.M }

func (c ownCache) Run() int {
	dir, err := os.MkdirTemp("", "imapfleet-test-cache-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	for _, name := range cacheVariables {
		if err := os.Setenv(name, dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return c.m.Run()
}

// cacheVariables say where os.UserCacheDir is, on one system or another.
var cacheVariables = []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"}

// -update rewrites what the scripts expect of cmp.
var update = flag.Bool("update", false, "rewrite the files that the scripts compare with")

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			for _, name := range cacheVariables {
				env.Setenv(name, filepath.Join(env.WorkDir, ".cache"))
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"servers":   cmdServers,
			"password":  cmdPassword,
			"user":      cmdUser,
			"silent":    cmdSilent,
			"refusing":  cmdRefusing,
			"narrow":    cmdNarrow,
			"expand":    cmdExpand,
			"exits":     cmdExits,
			"await":     cmdAwait,
			"mask":      cmdMask,
			"events":    cmdEvents,
			"nosecrets": cmdNoSecrets,
			"same":      cmdSame,
			"sql":       cmdSQL,
		},
	})
}

// password of a user of the scripts' servers, at both.
func password(user string) string { return "s3cr3t of " + user + " \\o/" }

// pair is the two servers of one script.
type pair struct{ servers [2]*imaptest.Memory }

var pairs sync.Map // of *testscript.TestScript

func serversOf(ts *testscript.TestScript) *pair {
	p, ok := pairs.Load(ts)
	if !ok {
		ts.Fatalf("no servers in this script")
	}
	return p.(*pair)
}

// servers N M: two servers with users user1 ... userN, M messages each at the
// first one. Sets OLD, NEW and writes ca.pem.
func cmdServers(ts *testscript.TestScript, _ bool, args []string) {
	users, messages := number(ts, args, 0), number(ts, args, 1)
	cert, err := imaptest.NewCertificate()
	ts.Check(err)
	p := &pair{}
	for i, env := range []string{"OLD", "NEW"} {
		s, err := imaptest.NewMemory(imaptest.MemoryOptions{TLS: true, Certificate: cert})
		ts.Check(err)
		ts.Defer(func() { ts.Check(s.Close()) })
		p.servers[i] = s
		ts.Setenv(env, fmt.Sprintf("imaps://localhost:%d", s.Port()))
		for u := range users {
			name := fmt.Sprintf("user%d", u+1)
			ts.Check(s.AddUser(name, password(name)))
			if i == 0 {
				ts.Check(s.Fill(name, demoMailbox(u, "INBOX", messages-1), demoMailbox(u, "Sent", 1)))
			}
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), cert.CertPEM, 0o600))
	pairs.Store(ts, p)
	ts.Defer(func() { pairs.Delete(ts) })
}

func number(ts *testscript.TestScript, args []string, i int) int {
	if i >= len(args) {
		ts.Fatalf("too few arguments")
	}
	n, err := strconv.Atoi(args[i])
	ts.Check(err)
	return n
}

// password 1|2 USER PASSWORD changes it at the first or second server.
func cmdPassword(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(serversOf(ts).servers[number(ts, args, 0)-1].SetPassword(args[1], args[2]))
}

// user 1|2 USER COMMAND... has a user's own program do something at the first
// or second server.
func cmdUser(ts *testscript.TestScript, _ bool, args []string) {
	a := serversOf(ts).servers[number(ts, args, 0)-1].Access(args[1], password(args[1]))
	ts.Check(imaptest.Do(context.Background(), a, args[2:]...))
}

// silent NAME: a server that takes connections and says nothing; its address
// is in NAME.
func cmdSilent(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	var served sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	served.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
		}
	})
	ts.Defer(func() {
		_ = l.Close()
		served.Wait()
		for _, c := range conns {
			_ = c.Close()
		}
	})
	ts.Setenv(args[0], fmt.Sprintf("imap+insecure://127.0.0.1:%d", l.Addr().(*net.TCPAddr).Port))
}

// refusing NAME ANSWER: a server that answers each LOGIN so; its address is in
// NAME.
func cmdRefusing(ts *testscript.TestScript, _ bool, args []string) {
	f, err := imaptest.StartFake(imaptest.FakeOptions{Login: func(_, _, _ string) string { return args[1] }})
	ts.Check(err)
	ts.Defer(func() { ts.Check(f.Close()) })
	ts.Setenv(args[0], "imap+insecure://"+f.Addr())
}

// narrow NAME N: a server with one account of three messages, whatever the
// user's name, that lets N sessions in at a time; its address is in NAME.
func cmdNarrow(ts *testscript.TestScript, _ bool, args []string) {
	most := number(ts, args, 1)
	var mu sync.Mutex
	in := 0
	f, err := imaptest.StartFake(imaptest.FakeOptions{
		Login: func(_, _, _ string) string {
			mu.Lock()
			defer mu.Unlock()
			if in >= most {
				return "NO [ALERT] Too many simultaneous connections. (Failure)"
			}
			in++
			return ""
		},
		Intercept: func(cmd imaptest.FakeCommand) imaptest.FakeReply {
			if cmd.Name == "LOGOUT" {
				mu.Lock()
				defer mu.Unlock()
				in--
			}
			return imaptest.FakeReply{}
		},
	}, imaptest.FakeMailbox{Name: "INBOX", Count: 3, Message: func(i int) imaptest.FakeMessage {
		return imaptest.FakeMessage{Body: []byte(fmt.Sprintf("Subject: %d\r\n\r\nhello\r\n", i))}
	}})
	ts.Check(err)
	ts.Defer(func() { ts.Check(f.Close()) })
	ts.Setenv(args[0], "imap+insecure://"+f.Addr())
}

var variable = regexp.MustCompile(`\$\w+`)

// expand FILE...: $OLD, $NEW and others become their values, $P followed by a
// user's number his password.
func cmdExpand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := variable.ReplaceAllStringFunc(ts.ReadFile(name), func(v string) string {
			if n, ok := strings.CutPrefix(v, "$P"); ok {
				return password("user" + n)
			}
			return ts.Getenv(v[1:])
		})
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
		ts.Check(os.Chmod(ts.MkAbs(name), 0o600)) // the script's archive made it
	}
}

// exits CODE COMMAND...
func cmdExits(ts *testscript.TestScript, _ bool, args []string) {
	want := number(ts, args, 0)
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("%s: exit code %d, want %d", strings.Join(args[1:], " "), code, want)
	}
}

// await REGEXP COMMAND... runs it again and again, a minute at most, until its
// stdout matches.
func cmdAwait(ts *testscript.TestScript, _ bool, args []string) {
	re := regexp.MustCompile(args[0])
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); {
		_ = ts.Exec(args[1], args[2:]...) // whatever its exit code
		if re.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("stdout of %q never matched %q", args[1:], args[0])
}

// masks are what differs from one run to the next.
func masks() []struct{ re, with string } {
	return []struct{ re, with string }{
		{`(?m)^ +\S+ +\S+ [KMGT]?i?B +\S+ messages .*\n`, ""},                              // the longest accounts, in any order
		{`(?m)^(  (?:MiB/s|messages/s|time)) .*`, "$1 ..."},                                // spreads
		{`(?m)^time        .*(\n {12}\S+ \(.*\): lanes .*)*`, "time        ..."},           //
		{`(?m)^\nbottleneck: .*\n(?:  to do: .*\n)?`, ""},                                  // of a run that took seconds
		{`(?m)^\n.* +MiB/s +messages/s +latency +time\n(?:  \d.*\n)+`, ""},                 // ... that tried other numbers of lanes
		{`(?m)(;\d+\.\d{3}){11}$`, ""},                                                     // lane time in results.csv
		{`(?m)^throughput .*`, "throughput  ..."},                                          //
		{`\b(?:\d+m )?\d+(?:\.\d+)?s\b`, "0s"},                                             // durations
		{`/\S*imapfleet-demo-\d+`, "/demo"},                                                //
		{`localhost:\d+`, "localhost:993"},                                                 //
		{`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?`, "TIME"},                          //
		{`(?m);(?:\d+\.\d{3};){3}`, ";0.000;0.000;0.000;"},                                 // seconds and rates of results.csv
		{`(?m)^((?:[^;]*;){7}(?:true|false);.*);\d+\.\d{3}((?:;[^;]*){4})$`, "$1;0.000$2"}, // seconds of verify.csv
	}
}

// mask FROM TO copies a file (or stdout, stderr) without what differs between
// runs.
func cmdMask(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	for _, m := range masks() {
		text = regexp.MustCompile(m.re).ReplaceAllString(text, m.with)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

// events TYPE=N...: stdout is JSON, one object per line, with so many of each
// type and no others; the last one is the summary.
func cmdEvents(ts *testscript.TestScript, _ bool, args []string) {
	got := make(map[string]int)
	last := ""
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		var e struct{ Type string }
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Type == "" {
			ts.Fatalf("no event: %s: %v", line, err)
		}
		last = e.Type
		if e.Type != "progress" && e.Type != "parallel" { // their number depends on the time
			got[e.Type]++
		}
	}
	want := make(map[string]int)
	for _, a := range args {
		name, n, _ := strings.Cut(a, "=")
		want[name] = number(ts, []string{n}, 0)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || last != "summary" {
		ts.Fatalf("events %v, the last one %q, want %v and the summary", got, last, want)
	}
}

// nosecrets DIR USER...: no file below DIR holds a user's password, as it is
// or as it stands within any base64.
func cmdNoSecrets(ts *testscript.TestScript, _ bool, args []string) {
	var needles [][]byte
	for _, user := range args[1:] {
		needles = append(needles, secretForms(password(user))...)
	}
	files := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, n := range needles {
			if bytes.Contains(b, n) {
				ts.Fatalf("%s holds a password (%q)", path, n)
			}
		}
		return nil
	}))
	if files == 0 || len(needles) == 0 {
		ts.Fatalf("nothing was searched")
	}
}

// secretForms are a secret and what it looks like within base64, wherever it
// begins there.
func secretForms(secret string) [][]byte {
	out := [][]byte{[]byte(secret)}
	for shift := range 3 {
		whole := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
		// What depends on the octets before and after is left out.
		first := (shift*8 + 5) / 6
		last := (shift + len(secret)) * 8 / 6
		out = append(out, []byte(whole[first:last]))
	}
	return out
}

// sql FILE STATEMENT changes a database behind everybody's back.
func cmdSQL(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.ExecContext(context.Background(), args[1])
	ts.Check(errors.Join(err, db.Close()))
}

// same DIR FILE: with a FILE that is not there, lists DIR with its contents
// there; else compares.
func cmdSame(ts *testscript.TestScript, _ bool, args []string) {
	var b strings.Builder
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "-shm") {
			return err
		}
		raw, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %x\n", path, raw)
		return err
	}))
	file := ts.MkAbs(args[1])
	before, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		ts.Check(os.WriteFile(file, []byte(b.String()), 0o600))
		return
	}
	ts.Check(err)
	if string(before) != b.String() {
		ts.Fatalf("%s has changed", args[0])
	}
}
