package app

import (
	"io"
	"log/slog"
)

// NewLogger writes what the configuration asks for to w. The configuration must have been checked: a level that is not
// known logs as info.
func NewLogger(w io.Writer, c Log) *slog.Logger {
	level := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}[c.Level]
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
