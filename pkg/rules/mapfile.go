package rules

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// maxMapFile bounds a map file, in octets.
const maxMapFile = 64 << 20

// openMapFile reads the file that --map-file names.
func (b *Builder) openMapFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // only read from
	return b.readMapFile(f)
}

// readMapFile reads one rename a line, A=B; blank lines and lines that begin
// with # are skipped. Those below a line [user1] are about the rows of that
// user alone, until the next such line.
func (b *Builder) readMapFile(r io.Reader) error {
	raw, err := io.ReadAll(io.LimitReader(r, maxMapFile+1))
	switch {
	case err != nil:
		return err
	case len(raw) > maxMapFile:
		return fmt.Errorf("larger than %d MiB", maxMapFile>>20)
	case !utf8.Valid(raw):
		return errUTF8
	}
	var errs []error
	seen := map[[2]string]bool{}
	user := ""
	for n, line := range strings.Split(strings.TrimPrefix(string(raw), "\ufeff"), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if name, ok := sectionOf(line); ok {
			user = name
			continue
		}
		rename, err := parseRename(line)
		key := [2]string{user, rename.From}
		if sameMailbox(rename.From, "INBOX") {
			key[1] = "INBOX"
		}
		if err == nil && seen[key] {
			err = errors.New("this mailbox has a line above already")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", n+1, err))
			continue
		}
		seen[key] = true
		b.addMapped(user, rename)
	}
	return errors.Join(errs...)
}

// sectionOf reads a line [user1]. A line with a = is a rename, since names may
// begin and end with brackets.
func sectionOf(line string) (user string, ok bool) {
	if line[0] != '[' || line[len(line)-1] != ']' || strings.Contains(line, "=") {
		return "", false
	}
	return strings.TrimSpace(line[1 : len(line)-1]), true
}

func (b *Builder) addMapped(user string, r Rename) {
	if user == "" {
		b.rules.Map = add(b.rules.Map, r)
		return
	}
	if b.users == nil {
		b.users = map[string][]Rename{}
	}
	b.users[user] = append(b.users[user], r)
}
