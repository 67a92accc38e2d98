package fault

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

func mustParse(t *testing.T, text string) *Rules {
	t.Helper()
	r, err := ParseRules(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRules(t *testing.T) {
	login := Answer{Side: Dest, Host: "mx7.Example.com", Op: "login", Status: "NO", Code: "UNAVAILABLE", Text: "Quota server down (7)", Software: "Dovecot (Debian) ready."}
	fetch := Answer{Side: Source, Host: "old.test", Op: "fetch", Status: "BAD", Text: "x"}
	const builtIn = "auth-temporary account later"
	tests := []struct {
		name, rules string
		a           Answer
		want        string
	}{
		{"all of it", `login side=destination server=dovecot code=UNAVAILABLE text="/quota server down/" -> code=throttled scope=account temporary wait=5m hint="x"`, login, "throttled account later wait=5m0s"},
		{"what is usual for the code", `login -> code=forbidden`, login, noRight},
		{"the usual scope", `append,fetch -> code=source-unreadable`, fetch, unread},
		{"permanent", `login -> code=unavailable permanent`, login, "unavailable account"},
		{"temporary", `login -> code=quota temporary scope=host`, login, "quota host later"},
		{"caps", `login -> code=too-many-connections max-per-user=3 max-per-host=70`, login, many + " user=3 host=70"},
		{"words as they are", `text="DOWN (7)" -> code=throttled`, login, slow},
		{"words are no pattern", `text="down .7." -> code=throttled`, login, builtIn},
		{"a pattern", `text="/^quota .* \(\d\)$/" -> code=throttled`, login, slow},
		{"either of two", `text="/foo|quota/" -> code=throttled`, login, slow},
		{"single quotes", `text='server "x"' login -> code=throttled`, login, builtIn},
		{"status", `status=no,bad -> code=throttled`, login, slow},
		{"another status", `status=BYE -> code=throttled`, login, builtIn},
		{"codes", `code=[x],unavailable -> code=throttled`, login, slow},
		{"another code", `code=ALERT -> code=throttled`, login, builtIn},
		{"host", `host=*.example.COM -> code=throttled`, login, slow},
		{"another host", `host=example.com -> code=throttled`, login, builtIn},
		{"another side", `side=source -> code=throttled`, login, builtIn},
		{"another server", `server=cyrus -> code=throttled`, login, builtIn},
		{"another step", `select greeting -> code=throttled`, login, builtIn},
		{"steps", `select login -> code=throttled`, login, slow},
		{"the first that fits", "# mine\n\n  # more\nselect -> code=quota\nlogin -> code=throttled # why\nlogin -> code=quota\n", login, slow},
		{"CRLF and a mark of UTF-8", "\ufefflogin -> code=throttled\r\n\r\n", login, slow},
		{"as long as the server says", `fetch -> code=throttled wait=1m`, Answer{Op: "fetch", Status: "NO", Text: "Suggested Backoff Time: 299961 milliseconds"}, slow + " wait=4m59.961s"},
		{"at least as long as the rule says", `fetch -> code=throttled wait=1h`, Answer{Op: "fetch", Status: "NO", Text: "Suggested Backoff Time: 299961 milliseconds"}, tomorrow},
		{"a mailbox that is not named", `fetch -> code=in-use`, fetch, "in-use account later"},
		{"a STORE as the rule says", `store -> code=quota`, Answer{Op: "store", Mailbox: "x", Status: "NO"}, "quota account"},
		{"a BYE is about no message", `fetch -> code=source-unreadable`, Answer{Op: "fetch", Status: "BYE", Text: "x"}, lost},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := mustParse(t, tt.rules).Classify(tt.a)
			if got := reading(e); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if e.Hint == "" {
				t.Error("no hint")
			}
		})
	}
}

func TestRulesHint(t *testing.T) {
	r := mustParse(t, `login -> code=throttled hint="call \"Ann\"`+"\x1b"+`, ext. 7" # not "me`)
	if e := r.Classify(Answer{Op: "login", Status: "NO"}); e.Hint != `call "Ann" , ext. 7` || r.Len() != 1 {
		t.Errorf("hint %q of %d rules", e.Hint, r.Len())
	}
}

// All that is wrong is said at once, with its line.
func TestRulesErrors(t *testing.T) {
	tests := []struct{ rule, want string }{
		{`login code=X`, `no " -> "`},
		{`login->code=throttled`, `no " -> "`},
		{`-> code=throttled`, "about every answer"},
		{`logon -> code=throttled`, `"logon" is no step and no key: steps are greeting login`},
		{`"login" -> code=throttled`, "no step"},
		{`sied=source -> code=throttled`, "sied= is no key before the arrow"},
		{`side=left -> code=throttled`, "side=left: must be source or destination"},
		{`status=OK -> code=throttled`, "status=OK: must be NO, BAD or BYE"},
		{`side= -> code=throttled`, "side= has no value"},
		{`code=[] -> code=throttled`, "code= has no value"},
		{`side=source side=source -> code=throttled`, "side= is there twice"},
		{`host=[ -> code=throttled`, "host=[: syntax error"},
		{`text="/(/" -> code=throttled`, "missing closing )"},
		{`text="x -> code=throttled`, "a quote is opened and not closed"},
		{`login ->`, "no code= after the arrow"},
		{`login -> temporary`, "no code= after the arrow"},
		{`login -> cod=throttled`, "cod= is no key after the arrow"},
		{`login -> code=slow`, "code=slow: must be one of auth-refused, auth-temporary"},
		{`login -> code=state`, "code=state: must be one of"},
		{`login -> code=throttled code=quota`, "twice"},
		{`login -> code=throttled soon`, `"soon" after the arrow`},
		{`login -> code=throttled scpe=host`, "scpe= is no key after the arrow"},
		{`login -> code=throttled scope=run`, "scope=run: must be message, mailbox, account or host"},
		{`login -> code=throttled temporary permanent`, "temporary or permanent is there twice"},
		{`login -> code=throttled wait=soon`, "wait=soon: must be a time"},
		{`login -> code=throttled wait=-5m`, "wait=-5m: must be a time"},
		{`login -> code=throttled wait=1000h`, "of at most a week"},
		{`login -> code=quota wait=5m`, "add temporary"},
		{`login -> code=throttled max-per-user=5`, "go with code=too-many-connections only"},
		{`login -> code=too-many-connections max-per-host=0`, "must be a number from 1"},
		{`login -> code=throttled hint=""`, "hint= must have 1 to"},
		{`login -> code=auth-refused temporary`, "never tried again"},
		{`login -> code=throttled scope=message`, "not for login"},
		{`code=X -> code=too-big`, "name one, or another scope"},
		{strings.Repeat("x", maxRuleLine), "longer than"},
	}
	for _, tt := range tests {
		t.Run(tt.rule[:min(len(tt.rule), 50)], func(t *testing.T) {
			r, err := ParseRules(strings.NewReader("# first\n" + tt.rule))
			if err == nil || r != nil || !strings.HasPrefix(err.Error(), "line 2: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	_, err := ParseRules(strings.NewReader("x -> code=quota\nlogin -> code=quota\ny -> code=quota"))
	if err == nil || !strings.Contains(err.Error(), "line 1: ") || !strings.Contains(err.Error(), "line 3: ") {
		t.Errorf("got %v", err)
	}
	_, err = ParseRules(strings.NewReader(strings.Repeat("login -> code=quota\n", maxRules+1)))
	if err == nil || !strings.Contains(err.Error(), "line 1001: more than 1000 rules") {
		t.Errorf("got %v", err)
	}
}

// What examples/ shows is a file that is taken.
func TestExampleRules(t *testing.T) {
	f, err := os.Open("../../examples/fault-rules/faults.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := ParseRules(f)
	if err != nil || r.Len() < 3 {
		t.Fatalf("%d rules, %v", r.Len(), err)
	}
}

func FuzzParseRules(f *testing.F) {
	for _, s := range []string{
		`login side=destination server=dovecot code=UNAVAILABLE text="/quota server down/" -> code=throttled scope=account temporary wait=5m hint="ask \"Ann\""`,
		"append,fetch status=NO,BAD host=*.example.com -> code=too-big permanent # why\r\n# x\n",
		"greeting text='too many' -> code=too-many-connections max-per-user=3 max-per-host=9",
		"login -> code=auth-refused\nlogin code=[ALERT] -> code=quota temporary wait=1h30m",
		"\ufeff-> x", `text="`, `host=[a-`, "\x00\xff=\\\" -> code=\x80", `text=/(?i)x{1000}/ -> code=refused`,
	} {
		f.Add(s, "NO [UNAVAILABLE] quota server down")
	}
	f.Fuzz(func(t *testing.T, file, said string) {
		r, err := ParseRules(strings.NewReader(file))
		if err != nil {
			if r != nil || !strings.HasPrefix(err.Error(), "line ") {
				t.Fatalf("rules %v, error %q", r, err)
			}
			return
		}
		for _, op := range []string{"login", "select", "fetch", "append"} {
			e := r.Classify(Answer{Side: Source, Op: op, Host: "h.example.com", Status: "NO", Code: "UNAVAILABLE", Text: said, Software: said})
			if e.Code == Unknown || e.Scope == Run || e.Wait < 0 || !utf8.ValidString(e.Error()+e.Hint) {
				t.Fatalf("%+v", e)
			}
			if e.Code == AuthRefused && e.Temporary || e.Scope == Message && op != "fetch" && op != "append" {
				t.Fatalf("%s: a refused login that is repeated, or a message where there is none: %+v", op, e)
			}
		}
	})
}
