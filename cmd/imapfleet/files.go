package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// resultFiles are the files of a state directory that people and spreadsheets
// read. They belong to one goroutine at a time.
type resultFiles struct {
	dir     string
	written map[string]written // what each was last written with
	// hasty: a loss of power may take what is written, since it will be written
	// again. To bring files to the disk costs more than all else here.
	hasty bool
	// warn is told of a file that another program holds, once until it is
	// replaced again; nil: that is an error.
	warn   func(*heldError)
	held   map[string]bool                     // by name: warn knows
	rename func(oldPath, newPath string) error // os.Rename
}

type written struct {
	sum  sum
	kept bool // it is on the disk
}

type sum = [sha256.Size]byte

func newResultFiles(dir string) *resultFiles {
	return &resultFiles{dir: dir, written: make(map[string]written), held: make(map[string]bool), rename: os.Rename}
}

// runFiles are those of a run.
var runFiles = []string{"results.csv", "failed.csv", "rejects.csv", "repairs.csv", "summary.json"}

// sweep removes what a run that was killed has left half written. That is for
// who holds the ledger's lock.
func (f *resultFiles) sweep() error {
	all, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	for _, file := range all {
		for _, name := range runFiles {
			if strings.HasPrefix(file.Name(), name+".") && strings.HasSuffix(file.Name(), freshSuffix) {
				err = errors.Join(err, os.Remove(filepath.Join(f.dir, file.Name())))
			}
		}
	}
	return err
}

// write replaces those that have changed. What one could not be written does not keep the
// others from it: a spreadsheet may hold one open.
func (f *resultFiles) write(rep throughput.Report, list []throughput.Result, rejects []throughput.Reject,
	repairs func(take func(throughput.Repair)) error) error {
	return errors.Join(
		f.replace("results.csv", func(w io.Writer) error { return throughput.WriteResults(w, list) }),
		f.replace("failed.csv", func(w io.Writer) error { return throughput.WriteFailed(w, list) }),
		f.replace("rejects.csv", func(w io.Writer) error { return throughput.WriteRejects(w, rejects) }),
		f.replace("repairs.csv", func(w io.Writer) error { return throughput.WriteRepairs(w, repairs) }),
		f.replace("summary.json", func(w io.Writer) error {
			enc := json.NewEncoder(w)
			enc.SetIndent("", "  ")
			enc.SetEscapeHTML(false)
			return enc.Encode(rep)
		}),
	)
}

// replace writes a file so that whoever reads it meets the old one or the new
// one, whole, also after a crash of this program, and of the system unless
// hasty. One that would be the same again is left alone.
func (f *resultFiles) replace(name string, write func(io.Writer) error) error {
	fresh, err := newFreshFile(f.dir, name)
	if err != nil {
		return err
	}
	fresh.hasty, fresh.rename = f.hasty, f.rename
	digest := sha256.New()
	if err := write(io.MultiWriter(fresh, digest)); err != nil {
		return fresh.discard(err)
	}
	now, last := written{sum(digest.Sum(nil)), !f.hasty}, f.written[name]
	if _, err := os.Lstat(fresh.path); err == nil && last.sum == now.sum && (last.kept || f.hasty) {
		return fresh.discard(nil)
	}
	err = fresh.commit()
	var held *heldError
	if errors.As(err, &held) && f.warn != nil {
		if !f.held[name] {
			f.held[name] = true
			f.warn(held)
		}
		return nil // and tried again, for it is not noted as written
	}
	if err != nil {
		return err
	}
	f.held[name] = false
	f.written[name] = now
	return nil
}

// heldError says that a file cannot be replaced although its directory can be
// written: on Windows a spreadsheet that shows it holds it.
type heldError struct {
	name   string
	beside string // where its new content is; empty: nowhere, that one is held too
	err    error
}

func (e *heldError) Error() string {
	if e.beside == "" {
		return fmt.Sprintf("%s cannot be replaced, nor can the file beside it; another program may have both open, close it: %v", e.name, e.err)
	}
	return fmt.Sprintf("%s cannot be replaced, its content is in %s; another program may have it open, close it: %v", e.name, e.beside, e.err)
}

func (e *heldError) Unwrap() error { return e.err }

// tellHeld warns of the files that are held, among the errors that err joins,
// and returns the others.
func tellHeld(err error, stderr io.Writer) error {
	var others []error
	for _, e := range parts(err) {
		var held *heldError
		if errors.As(e, &held) {
			fmt.Fprintf(stderr, "warning: %v\n", held)
			continue
		}
		others = append(others, e)
	}
	return errors.Join(others...)
}

// besideName is where the content of a file goes that cannot be replaced:
// results.csv, results.new.csv.
func besideName(name string) string {
	ext := filepath.Ext(name)
	return strings.TrimSuffix(name, ext) + ".new" + ext
}

// freshFile becomes the file of its name when it is whole. It ends with commit
// or discard. Until then its name is its own: check and verify may go on beside
// others of their kind.
type freshFile struct {
	name, path string
	file       *os.File
	buf        *bufio.Writer
	hasty      bool // see resultFiles
	rename     func(oldPath, newPath string) error
}

// freshSuffix ends the name of one that is not whole yet.
const freshSuffix = ".new"

func newFreshFile(dir, name string) (*freshFile, error) {
	file, err := os.CreateTemp(dir, name+".*"+freshSuffix)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	return &freshFile{name: name, path: filepath.Join(dir, name), file: file, buf: bufio.NewWriter(file), rename: os.Rename}, nil
}

func (f *freshFile) Write(p []byte) (int, error) { return f.buf.Write(p) }

// commit brings the file to the disk, unless hasty, and under its name.
func (f *freshFile) commit() error {
	err := f.buf.Flush()
	if err == nil && !f.hasty {
		err = f.file.Sync()
	}
	if err != nil {
		return f.discard(err)
	}
	if err := f.file.Close(); err != nil {
		return errors.Join(f.wrap(err), os.Remove(f.file.Name()))
	}
	beside := filepath.Join(filepath.Dir(f.path), besideName(f.name))
	err = f.rename(f.file.Name(), f.path)
	if err == nil {
		_ = os.Remove(beside) // there as a rule is none; one that is held goes the next time
		return nil
	}
	if !isPlain(f.path) {
		return errors.Join(f.wrap(err), os.Remove(f.file.Name()))
	}
	held := &heldError{name: f.name, err: err}
	if f.rename(f.file.Name(), beside) == nil {
		held.beside = filepath.Base(beside)
		return held
	}
	return errors.Join(held, os.Remove(f.file.Name()))
}

// isPlain says that a plain file is at path.
func isPlain(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}

// discard leaves the old file, because of err if there is one.
func (f *freshFile) discard(err error) error {
	if gone := errors.Join(f.file.Close(), os.Remove(f.file.Name())); err != nil || gone != nil {
		return f.wrap(errors.Join(err, gone))
	}
	return nil
}

func (f *freshFile) wrap(err error) error { return fmt.Errorf("write %s: %w", f.name, err) }
