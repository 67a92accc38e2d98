package imaptest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// Spec says what a [Generator] makes. Shares are probabilities from 0 to 1;
// the zero value makes plain messages of 4,000 octets.
type Spec struct {
	// Median, Mean and Max describe a log-normal distribution of sizes, in
	// octets. 0: 4,000; the median; 64 times the mean.
	Median, Mean, Max int
	EightBit          float64  // octets above 127 in header and body
	Duplicate         float64  // equal in all to one of the ten before it
	NoMessageID       float64  // no Message-ID
	NoHeader          float64  // a blank line, then the body
	Commands          float64  // a body full of IMAP commands
	Flags             float64  // system flags, each with a probability of its own
	Keywords          []string // each on a tenth of the messages that have flags
}

// RealSpec is a mixture as found in old mailboxes: sizes around 4 KB with a
// long tail, most of it ordinary and some of it odd.
func RealSpec() Spec {
	return Spec{
		Median: 4000, Mean: 12000, Max: 2 << 20,
		EightBit: 0.15, Duplicate: 0.02, NoMessageID: 0.02, NoHeader: 0.005, Commands: 0.01, Flags: 0.8,
		Keywords: []string{"$Forwarded", "NonJunk", "$MDNSent", "Work"},
	}
}

// Generator makes messages from a seed: the same seed, Spec and index give the
// same message. It is safe for concurrent use.
type Generator struct {
	seed  uint64
	spec  Spec
	sigma float64
	text  [2]string // lines in 7 bits, and in 8
}

// textSize is the size of the text that bodies are cut from.
const textSize = 64 << 10

// NewGenerator makes a generator; it costs a millisecond.
func NewGenerator(seed uint64, spec Spec) *Generator {
	if spec.Median <= 0 {
		spec.Median = 4000
	}
	spec.Mean = max(spec.Mean, spec.Median)
	if spec.Max <= 0 {
		spec.Max = 64 * spec.Mean
	}
	g := &Generator{seed: seed, spec: spec}
	// Of a log-normal distribution, mean / median = exp(sigma^2 / 2).
	g.sigma = math.Sqrt(2 * math.Log(float64(spec.Mean)/float64(spec.Median)))
	rng := rand.New(rand.NewPCG(seed, 0))
	const letters = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOP 0123456789.,-+/="
	for i := range g.text {
		var b strings.Builder
		for b.Len() < textSize {
			for range 76 {
				if c := letters[rng.IntN(len(letters))]; i == 1 && rng.IntN(6) == 0 {
					b.WriteByte(c | 0x80)
				} else {
					b.WriteByte(c)
				}
			}
			b.WriteString("\r\n")
		}
		g.text[i] = b.String()
	}
	return g
}

// Mailbox returns a mailbox of n messages that are made when they are asked
// for. The same generator makes other messages for another name.
func (g *Generator) Mailbox(name string, n int) Mailbox {
	var h uint64 = 14695981039346656037 // FNV-1a
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return Mailbox{Name: name, Subscribed: true, Count: n, Make: func(i int) Message { return g.message(h, i) }}
}

// Message returns message i of an endless mailbox without a name.
func (g *Generator) Message(i int) Message { return g.message(0, i) }

func (g *Generator) message(stream uint64, i int) Message {
	rng := rand.New(rand.NewPCG(g.seed^stream, uint64(i)+1))
	if rng.Float64() < g.spec.Duplicate && i > 0 {
		return g.message(stream, i-1-rng.IntN(min(i, 10)))
	}
	date := randomDate(rng)
	return Message{Flags: g.flags(rng), Date: date, Body: g.body(rng, stream, i, date)}
}

// randomDate picks a second from 2001 to 2025 in one of the world's zones.
func randomDate(rng *rand.Rand) time.Time {
	zones := []int{0, 60, 120, -300, -480, 330, 345, -210, 540, 765}
	from := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	span := int64(25 * 365 * 24 * time.Hour / time.Second)
	zone := zones[rng.IntN(len(zones))]
	return from.Add(time.Duration(rng.Int64N(span)) * time.Second).In(time.FixedZone("", zone*60))
}

func (g *Generator) flags(rng *rand.Rand) []string {
	if rng.Float64() >= g.spec.Flags {
		return nil
	}
	var flags []string
	for _, f := range []struct {
		name  string
		share float64
	}{{`\Seen`, 0.8}, {`\Answered`, 0.2}, {`\Flagged`, 0.1}, {`\Deleted`, 0.02}, {`\Draft`, 0.02}} {
		if rng.Float64() < f.share {
			flags = append(flags, f.name)
		}
	}
	for _, k := range g.spec.Keywords {
		if rng.Float64() < 0.1 {
			flags = append(flags, k)
		}
	}
	return flags
}

// body makes the octets of a message, header included.
func (g *Generator) body(rng *rand.Rand, stream uint64, i int, date time.Time) []byte {
	size := g.spec.Median
	if g.sigma > 0 {
		size = int(math.Min(float64(g.spec.Max), float64(size)*math.Exp(g.sigma*rng.NormFloat64())))
	}
	size = min(size, g.spec.Max)
	eight := 0
	if rng.Float64() < g.spec.EightBit {
		eight = 1
	}
	noID, noHeader := rng.Float64() < g.spec.NoMessageID, rng.Float64() < g.spec.NoHeader
	var b strings.Builder
	b.Grow(size + 512)
	if !noHeader {
		g.header(&b, rng, stream, i, date, eight, noID)
	}
	fmt.Fprintf(&b, "\r\nMessage %d of %x\r\n", i, g.seed^stream)
	if rng.Float64() < g.spec.Commands {
		for n := range 3 {
			fmt.Fprintf(&b, "a%d CREATE obeyed%d\r\nT%d DELETE INBOX\r\n)\r\n* BYE\r\nX%d APPEND obeyed {3+}\r\nabc\r\n.\r\n", n, i, n, n)
		}
	}
	for b.Len() < size {
		from := rng.IntN(textSize/78) * 78
		part := g.text[eight][from:]
		b.WriteString(part[:min(len(part), size-b.Len())])
	}
	p := []byte(b.String())
	if p[len(p)-1] == '\r' { // a CR alone would be an oddity that nobody asked for
		p[len(p)-1] = 'x'
	}
	return p
}

func (g *Generator) header(b *strings.Builder, rng *rand.Rand, stream uint64, i int, date time.Time, eight int, noID bool) {
	from := rng.IntN(textSize/78) * 78
	subject := strings.TrimSpace(g.text[eight][from+10 : from+50])
	fmt.Fprintf(b, "Return-Path: <sender%d@example.org>\r\n", rng.IntN(1000))
	fmt.Fprintf(b, "Received: from mx.example.net by mail.example.com\r\n\twith ESMTP; %s\r\n", date.Format(time.RFC1123Z))
	if !noID {
		fmt.Fprintf(b, "Message-ID: <%x.%d.%x@example.org>\r\n", g.seed^stream, i, rng.Uint32())
	}
	fmt.Fprintf(b, "Date: %s\r\nFrom: Sender <sender@example.org>\r\nTo: <user@example.com>\r\nSubject: %s\r\n",
		date.Format(time.RFC1123Z), subject)
}
