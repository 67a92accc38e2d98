package main

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
)

// logName is the log within the state directory. Runs are appended to it.
const logName = "run.log"

// openLog opens the state directory's log.
func openLog(dir string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, logName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// newLogger logs to file (nil: none) from level up and, unless quiet, what
// people should see at once to screen.
func newLogger(file, screen io.Writer, level slog.Level, quiet bool) *slog.Logger {
	var handlers []slog.Handler
	if file != nil {
		handlers = append(handlers, slog.NewTextHandler(file, &slog.HandlerOptions{Level: level}))
	}
	if !quiet {
		handlers = append(handlers, screenHandler(screen, slog.LevelWarn))
	}
	return slog.New(slog.NewMultiHandler(handlers...))
}

// screenLogger logs to the screen alone, unless quiet.
func screenLogger(screen io.Writer, level slog.Level, quiet bool) *slog.Logger {
	if quiet {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(screenHandler(screen, level))
}

// screenHandler logs for people who watch: without the time.
func screenHandler(w io.Writer, level slog.Level) slog.Handler {
	return slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
}
