package mailsync_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// seenAnswers are refusals of live servers: what follows the tag, or a BYE.
var seenAnswers = []string{
	"NO [OVERQUOTA] Account exceeded command or bandwidth limits.",
	"NO [ALERT] Too many simultaneous connections. (Failure)",
	"NO [ALERT] Please log in via your web browser",
	"NO [WEBALERT https://accounts.example/x] Web login required.",
	"NO Request is throttled. Suggested Backoff Time: 299961 milliseconds",
	"BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds",
	"NO Server Unavailable. 15",
	"BAD User is authenticated but not connected.",
	"NO Maximum size of appendable message has been exceeded.",
	"NO [TOOBIG] Message too large",
	"NO Unable to parse message",
	"NO Message refused because it contains a virus",
	"NO [LIMIT] Rate limit hit.",
	"NO [UNAVAILABLE] UID FETCH Server error while fetching messages",
	"NO [SERVERBUG] Internal error occurred. Refer to server log for more information.",
	"NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
	"NO [UNAVAILABLE] Temporary authentication failure.",
	"NO [ALERT] Your account moves to the new system this weekend",
	"NO Too many open connections (40 of 40 from mover.example [192.0.2.1], 1 of 9 for carla)",
	"NO [OVERQUOTA] Quota exceeded (mailbox for user is full)",
	"NO APPEND failed",
	"NO [INUSE] Mailbox is locked",
	"NO [AUTHENTICATIONFAILED] Authentication failed.",
	"NO [EXPIRED] Password expired",
	"NO [CONTACTADMIN] Ask us",
	"NO [NOPERM] No right",
	"NO no",
	"* BYE Session expired, please login again",
	"* BYE System Error",
	"* BYE Request is throttled. Suggested Backoff Time: 299961 milliseconds",
	"* BYE [UNAVAILABLE] maintenance",
}

// TestSeenAnswers: whatever a server answers at a step, the pass ends soon with
// the fault that the words mean, of that side, and every message is accounted
// for; when the server is well again the next pass brings each message once.
func TestSeenAnswers(t *testing.T) {
	for _, answer := range seenAnswers {
		for _, step := range []string{"login source", "login destination", "select", "fetch", "append"} {
			t.Run(step+"/"+answer, func(t *testing.T) {
				t.Parallel()
				refuse(t, step, answer)
			})
		}
	}
}

func refuse(t *testing.T, step, answer string) {
	var well atomic.Bool
	at := func(name string) func(imaptest.FakeCommand) imaptest.FakeReply {
		return func(c imaptest.FakeCommand) imaptest.FakeReply {
			switch {
			case well.Load() || c.Name != name:
				return imaptest.FakeReply{}
			case strings.HasPrefix(answer, "* BYE"):
				return imaptest.FakeReply{Lines: []string{answer}, Close: true}
			}
			return imaptest.FakeReply{Lines: []string{"TAG " + answer}}
		}
	}
	box := plain(6)
	var src, dst imaptest.FakeOptions
	side, op := fault.Dest, step
	switch step {
	case "login source":
		src.Intercept, side, op = at("LOGIN"), fault.Source, "login"
	case "login destination":
		dst.Intercept, op = at("LOGIN"), "login"
	case "select":
		src.Intercept, side = at("EXAMINE"), fault.Source
	case "fetch":
		src.Intercept, side = at("UID FETCH"), fault.Source
	case "append":
		dst.Append = func(imaptest.FakeAppend) imaptest.FakeRefusal {
			if well.Load() {
				return imaptest.FakeRefusal{}
			}
			return imaptest.FakeRefusal{Answer: answer, AtEnd: true}
		}
	}
	if step == "append" && strings.HasPrefix(answer, "*") {
		t.Skip("a BYE in the place of an answer to APPEND is a cut: TestStorm, TestEveryConnectionCut")
	}
	from, to := imaptest.NewFake(t, src, box), imaptest.NewFake(t, dst)
	r := fakeRig(t, from, to)
	r.options = func(o *mailsync.Options) { quick(o); o.Patience = 300 * time.Millisecond }
	c, err := r.sync(t.Context())
	if !c.Balanced() || c.Copied != 0 {
		t.Errorf("count %+v", c)
	}
	if why := understood(fault.Of(err), meant(side, op, answer)); why != "" {
		t.Errorf("error %v: %s", err, why)
	}
	well.Store(true)
	if c := r.mustSync(); c.Copied != int64(box.Count) {
		t.Errorf("when the server is well again: %+v", c)
	}
	storedOnce(t, to, "INBOX", box, nil)
}

// meant is what the answer means by itself.
func meant(side fault.Side, op, answer string) *fault.Error {
	a := fault.Answer{Side: side, Host: "127.0.0.1", Op: op}
	if op == "select" || op == "append" {
		a.Mailbox = "INBOX"
	}
	rest := strings.TrimPrefix(answer, "* ")
	a.Status, rest, _ = strings.Cut(rest, " ")
	if code, text, ok := strings.Cut(strings.TrimPrefix(rest, "["), "] "); ok && strings.HasPrefix(rest, "[") {
		a.Code, rest = code, text
	}
	a.Text = rest
	return fault.Classify(a)
}

// understood says in what got is not the fault that was meant.
func understood(got, want *fault.Error) string {
	switch {
	case got == nil:
		return "no fault"
	case got.Code != want.Code || got.Side != want.Side || got.Scope != want.Scope || got.Temporary != want.Temporary || got.Wait != want.Wait:
		return fmt.Sprintf("%s, %v, %v, later %v, wait %v; want %s, %v, %v, later %v, wait %v", got.Code, got.Side, got.Scope, got.Temporary, got.Wait,
			want.Code, want.Side, want.Scope, want.Temporary, want.Wait)
	case got.Hint == "":
		return "no hint"
	}
	return ""
}
