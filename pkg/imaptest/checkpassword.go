package imaptest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
)

// passwords answers a server that asks, over a Unix socket, who may log in. It
// stands for saslauthd and authdaemond, so that neither they nor their tools
// and files are needed, and an account is there as soon as it is added.
type passwords struct {
	ln net.Listener
	wg sync.WaitGroup

	mu    sync.Mutex
	users map[string]string
}

// listenPasswords listens at path, open to every user of the machine, and
// answers each connection with talk.
func listenPasswords(path string, talk func(*passwords, net.Conn) error) (*passwords, error) {
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o777); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	p := &passwords{ln: ln, users: make(map[string]string)}
	p.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() {
				defer c.Close()
				// The server takes a question without answer for a refusal.
				_ = talk(p, c)
			})
		}
	})
	return p, nil
}

func (p *passwords) close() {
	p.ln.Close()
	p.wg.Wait()
}

func (p *passwords) add(name, password string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.users[name]; ok {
		return fmt.Errorf("add user %q: it is there already", name)
	}
	p.users[name] = password
	return nil
}

func (p *passwords) known(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.users[name]
	return ok
}

func (p *passwords) right(name, password string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	want, ok := p.users[name]
	return ok && want == password
}

// answerSASL speaks as saslauthd does: user, password, service and realm come
// as strings with their length before them, in two octets, and so does the
// answer.
func answerSASL(p *passwords, c net.Conn) error {
	var fields [4]string
	for i := range fields {
		var n uint16
		if err := binary.Read(c, binary.BigEndian, &n); err != nil {
			return err
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(c, b); err != nil {
			return err
		}
		fields[i] = string(b)
	}
	answer := "NO"
	if p.right(fields[0], fields[1]) {
		answer = "OK"
	}
	_, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	return err
}

// answerAuthdaemon returns what speaks as Courier's authdaemond does: asked
// AUTH LENGTH, and then for the service, the kind and what goes with it, a line
// each, or PRE . SERVICE USER, it says who the user is on the machine.
func answerAuthdaemon(account func(user string) string) func(*passwords, net.Conn) error {
	return func(p *passwords, c net.Conn) error {
		r := bufio.NewReader(c)
		line, err := r.ReadString('\n')
		for err == nil && strings.Contains(line, "=") { // first come variables, such as TCPREMOTEIP
			line, err = r.ReadString('\n')
		}
		if err != nil {
			return err
		}
		user, ok := "", false
		switch f := strings.Fields(line); {
		case len(f) == 2 && f[0] == "AUTH":
			n, err := strconv.ParseUint(f[1], 10, 16)
			if err != nil {
				return err
			}
			b := make([]byte, n)
			if _, err := io.ReadFull(r, b); err != nil {
				return err
			}
			if q := strings.Split(string(b), "\n"); len(q) >= 4 && q[1] == "login" {
				user, ok = q[2], p.right(q[2], q[3])
			}
		case len(f) == 4 && f[0] == "PRE":
			user, ok = f[3], p.known(f[3])
		}
		answer := "FAIL\n"
		if ok {
			answer = account(user) + ".\n"
		}
		_, err = io.WriteString(c, answer)
		return err
	}
}
