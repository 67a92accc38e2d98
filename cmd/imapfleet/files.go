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

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// resultFiles are the files of a state directory that people and spreadsheets
// read. They belong to one goroutine at a time.
type resultFiles struct {
	dir     string
	written map[string]sum // what each was last written with
}

type sum = [sha256.Size]byte

func newResultFiles(dir string) *resultFiles {
	return &resultFiles{dir: dir, written: make(map[string]sum)}
}

// write replaces those that have changed. What one could not be written does not keep the
// others from it: a spreadsheet may hold one open.
func (f *resultFiles) write(rep throughput.Report, list []throughput.Result, rejects []throughput.Reject) error {
	return errors.Join(
		f.replace("results.csv", func(w io.Writer) error { return throughput.WriteResults(w, list) }),
		f.replace("failed.csv", func(w io.Writer) error { return throughput.WriteFailed(w, list) }),
		f.replace("rejects.csv", func(w io.Writer) error { return throughput.WriteRejects(w, rejects) }),
		f.replace("repairs.csv", func(w io.Writer) error { return throughput.WriteRepairs(w, nil) }),
		f.replace("summary.json", func(w io.Writer) error {
			enc := json.NewEncoder(w)
			enc.SetIndent("", "  ")
			enc.SetEscapeHTML(false)
			return enc.Encode(rep)
		}),
	)
}

// replace writes a file so that whoever reads it meets the old one or the new
// one, whole, also after a crash. One that would be the same again is left
// alone: to bring files to the disk costs more than all else here.
func (f *resultFiles) replace(name string, write func(io.Writer) error) (err error) {
	path := filepath.Join(f.dir, name)
	fresh := path + ".new"
	file, err := os.OpenFile(fresh, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", name, errors.Join(err, os.Remove(fresh)))
		}
	}()
	digest := sha256.New()
	buf := bufio.NewWriter(io.MultiWriter(file, digest))
	if err := errors.Join(write(buf), buf.Flush()); err != nil {
		return errors.Join(err, file.Close())
	}
	now := sum(digest.Sum(nil))
	if _, err := os.Lstat(path); err == nil && f.written[name] == now {
		return errors.Join(file.Close(), os.Remove(fresh))
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	f.written[name] = now
	return nil
}
