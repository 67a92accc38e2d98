package imaptest

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

type dovecotUser struct {
	name, password string
	written        bool // its file holds this password
	edits          int  // times that its file was written
}

// AddUser adds an account. Adding one costs the writing of a small file; the
// mail is made at the first login.
func (d *Dovecot) AddUser(name, password string) error {
	return d.editUsers(func() error {
		for _, u := range d.users {
			if u.name == name {
				return fmt.Errorf("add user %q: it is there already", name)
			}
		}
		if strings.ContainsAny(name, ":*/\r\n") {
			return fmt.Errorf("add user %q: a name that Dovecot cannot have", name)
		}
		d.users = append(d.users, dovecotUser{name: name, password: password})
		return nil
	})
}

// AddUsers adds n accounts, user0001 and on, with one password, and returns
// their names. A second call continues the count.
func (d *Dovecot) AddUsers(n int, password string) ([]string, error) {
	var names []string
	err := d.editUsers(func() error {
		from := len(d.users) + 1
		for i := range n {
			name := fmt.Sprintf("user%04d", from+i)
			names = append(names, name)
			d.users = append(d.users, dovecotUser{name: name, password: password})
		}
		return nil
	})
	return names, err
}

// SetPassword changes the password of an account for logins to come. It waits
// for the next second, as Dovecot looks at a file that it has open only once in
// a second of its clock.
func (d *Dovecot) SetPassword(name, password string) error {
	err := d.editUsers(func() error {
		for i := range d.users {
			if d.users[i].name == name {
				d.users[i].password, d.users[i].written = password, false
				return nil
			}
		}
		return fmt.Errorf("set password: no user %q", name)
	})
	if err == nil {
		next := time.Now().Truncate(time.Second).Add(time.Second + 10*time.Millisecond)
		time.Sleep(time.Until(next))
	}
	return err
}

// WipeUser removes the mail of an account; no session may be using it.
func (d *Dovecot) WipeUser(name string) error {
	return os.RemoveAll(filepath.Join(d.dir, "mail", name))
}

func (d *Dovecot) editUsers(edit func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := edit(); err != nil {
		return err
	}
	return d.writeUsers()
}

// writeUsers writes the files of users that changed, of admins and of access
// rights. Each user has a file of its own: Dovecot looks at a file that it has
// open only once a second, and would not see a user who was added since. A
// comment makes each version longer than the last, because it reads a file anew
// only when its size or its second of change differs.
func (d *Dovecot) writeUsers() error {
	if err := os.MkdirAll(d.path("users"), 0o755); err != nil {
		return err
	}
	for i := range d.users {
		u := &d.users[i]
		if u.written {
			continue
		}
		line := fmt.Sprintf("#%s\n%s:{PLAIN.b64}%s:%d:%d::%s::\n", strings.Repeat("-", u.edits), u.name,
			base64.StdEncoding.EncodeToString([]byte(u.password)),
			d.ids.uid, d.ids.gid, filepath.Join(d.dir, "mail", u.name))
		if err := replaceFile(filepath.Join(d.path("users"), u.name), line); err != nil {
			return err
		}
		u.written = true
		u.edits++
	}
	master := fmt.Sprintf("%s:{PLAIN.b64}%s\n", DovecotAdmin,
		base64.StdEncoding.EncodeToString([]byte(DovecotAdminPassword)))
	if err := replaceFile(d.path("masters"), master); err != nil {
		return err
	}
	var acl strings.Builder
	for _, name := range d.opt.ReadOnly {
		fmt.Fprintf(&acl, "%q owner lr\n", name)
	}
	return replaceFile(d.path("acl"), acl.String())
}

// replaceFile writes a file that others may read, never half of it.
func replaceFile(path, text string) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Chmod(tmp, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(tmp, path)
}
