package probe

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// prober is one Run at work.
type prober struct {
	opt   Options
	press *imapconn.Compressor
	id    string // in the names of mailboxes
	began time.Time
	until time.Time // when the last measurement is to have ended

	sides [2]*side // source, destination
	rows  []*row
	lanes []*lane
	synth *synth

	placed int           // rows that lanes have; the first lanes have one each
	turn   int           // of lanes, which is next
	tail   time.Duration // that answers took after the last turn was over

	read, write volume // what is left of the volume

	mu    sync.Mutex // guards what follows, and the calls of OnNote
	rep   Report
	tries int  // connections opened anew after a loss
	short bool // a step was over soon, for want of volume
	kept  map[Phase][]measurement
	made  []time.Duration // that it took to make and open a mailbox
}

// volume is how many octets may still be moved in one direction, and have been.
type volume struct{ left, moved int64 }

// row lends its accounts.
type row struct {
	pair account.Pair
	at   int               // in Report.Rows
	conn [2]*imapconn.Conn // the first ones; nil: could not be opened, or a lane has them
	err  [2]error          // why a side could not be opened, by side
	// sound: a side was opened and looked at. One that was not is left alone: no
	// refused login is repeated.
	sound [2]bool
	room  *budget    // what the destination's quota allows; nil: no bound
	list  *sample    // of the source
	mine  *mailboxes // at the destination
}

// lane is one pair of connections of a row; either may be nil.
type lane struct {
	n    int // from 1
	row  *row
	conn [2]*imapconn.Conn
	at   string         // the source's mailbox that is open, as on the wire
	in   *imapconn.Conn // on which box is open
	name string         // of its mailbox at the destination; "" before it is made
	box  string         // the same as on the wire
	rng  *rand.Rand
	size [2]int64 // octets of a command, by side: what answers come soon to
	flow flow     // of the turn
}

// Run probes. The Report is there with every error. An error is ctx's, when it
// was ended; then the report says what was measured before. Whether mailboxes
// were left says Report.Mailboxes.
func Run(ctx context.Context, opt Options) (*Report, error) {
	opt = opt.withDefaults()
	p := &prober{opt: opt, press: imapconn.NewCompressor(imapconn.CompressOff), began: time.Now(), id: newID(), kept: map[Phase][]measurement{}}
	p.until = p.began.Add(opt.For)
	p.read.left, p.write.left = opt.Volume, opt.Volume
	p.sides = [2]*side{newSide(fault.Source), newSide(fault.Dest)}
	p.rep = Report{Type: "probe", Started: p.began.UTC().Truncate(time.Second), Rows: []Row{},
		Source: []throughput.Step{}, Dest: []throughput.Step{}, Both: []throughput.Step{}, Ended: []Ended{}, Notes: []string{},
		Mailboxes: Mailboxes{Left: []Left{}, EarlierRemoved: []Left{}, EarlierSeen: []Left{}}}
	for i, pair := range opt.Pairs {
		p.rows = append(p.rows, &row{pair: pair, at: i, mine: newMailboxes(p.id)})
		p.rep.Rows = append(p.rep.Rows, Row{Line: pair.Line, User1: fault.Clean(pair.Source.User), User2: fault.Clean(pair.Dest.User)})
	}
	p.measure(ctx)
	p.remove(ctx)
	p.close(ctx)
	p.finish()
	return &p.rep, ctx.Err()
}

// newID is what makes the names of a probe's mailboxes unique.
func newID() string {
	var raw [idOctets]byte
	for i := range raw {
		raw[i] = byte(rand.Uint32())
	}
	return hex.EncodeToString(raw[:])
}

// measure does all that is to be removed again. It does not panic: what it
// leaves must be removed in any case.
func (p *prober) measure(ctx context.Context) {
	err := safely(func() error {
		p.open(ctx)
		p.learn(ctx)
		p.place()
		if ctx.Err() == nil && len(p.lanes) > 0 {
			p.phases(ctx)
		}
		return nil
	})
	if err != nil {
		p.note("%v", err)
	}
}

// safely runs f and makes an error of a panic.
func safely(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &fault.Error{Code: fault.Panic, Op: "probe", Text: fmt.Sprint(r), Hint: "this should not happen: please report it"}
		}
	}()
	return f()
}

// note keeps a note and tells it at once.
func (p *prober) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rep.note(format, args...)
	p.tell(p.rep.Notes[len(p.rep.Notes)-1])
}

// tell says something at once. p.mu is held.
func (p *prober) tell(text string) {
	if p.opt.OnNote != nil {
		p.opt.OnNote(text)
	}
}

// place gives each lane its row: those that can be used on both sides, or,
// where there is none, those with one.
func (p *prober) place() {
	var whole, half []*row
	for _, r := range p.rows {
		r.sound = [2]bool{r.conn[0] != nil, r.conn[1] != nil}
		switch {
		case r.sound[0] && r.sound[1]:
			whole = append(whole, r)
		case r.sound[0] || r.sound[1]:
			half = append(half, r)
		}
	}
	if len(whole) == 0 {
		whole = half
	}
	if len(whole) == 0 {
		return
	}
	p.placed = len(whole)
	for i := range p.opt.Lanes {
		r := whole[i%len(whole)]
		l := &lane{n: i + 1, row: r, rng: rand.New(rand.NewPCG(rand.Uint64(), uint64(i))), size: [2]int64{firstCommand, firstCommand}}
		if i < len(whole) {
			l.conn, r.conn = r.conn, l.conn
		}
		p.lanes = append(p.lanes, l)
	}
}

// finish fills in what follows from all the rest.
func (p *prober) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := &p.rep
	var again []int
	for _, row := range p.rows {
		if row.list.repeated() {
			again = append(again, row.pair.Line)
		}
	}
	if len(again) > 0 {
		r.note("what was sampled was read more than once, and what a server has just read it reads faster: more rows, or larger accounts, tell more (line %s)", throughput.FormatLines(again))
	}
	if p.short {
		r.note("some measurements took less than %s, since their part of the volume was used up: a larger --volume tells more", throughput.FormatDuration(enough))
	}
	p.restate()
	r.Read, r.Written = p.read.moved, p.write.moved
	r.Server1, r.Logins1, r.RoundTrip1 = p.sides[0].report(p.opt.Pairs, ofSource())
	r.Server2, r.Logins2, r.RoundTrip2 = p.sides[1].report(p.opt.Pairs, ofDest())
	r.Boxes, r.Making = p.boxes(), median(p.made)
	r.judge()
	r.Seconds = round(time.Since(p.began).Seconds())
}

// restate tells the steps anew, by what all of them together say about which
// part of a lane's time goes by octets. p.mu is held.
func (p *prober) restate() {
	for _, phase := range []Phase{Source, Dest, Both} {
		all, mean := p.kept[phase], p.mixed()
		share := octetShare(all, mean)
		steps := *p.stepsOf(phase)
		for i, m := range all {
			steps[i] = m.step(share, mean)
		}
		if phase == Both && len(all) > 0 {
			p.rep.OctetShare = share
		}
	}
}

// mixed is the mean of the octets of messages.
func (p *prober) mixed() float64 { return float64(max(p.rep.Mix.Mean, 1)) }

// boxes is how many mailboxes with mail an account has.
func (p *prober) boxes() float64 {
	var sum, n float64
	for _, r := range p.rows {
		if r.list != nil {
			sum, n = sum+float64(r.list.boxes), n+1
		}
	}
	return round(sum / max(n, 1))
}
