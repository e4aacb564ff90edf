//go:build !linux

package testbed

import (
	"errors"
	"syscall"
)

// diesWithParent can't be asked for here: a test that is killed leaves its servers behind.
func diesWithParent() *syscall.SysProcAttr { return nil }

// awaitStopped can't wait here without reaping the child: it stands still a moment later.
func awaitStopped(int) error { return nil }

// unlimited is limitFileSize's word for no limit.
const unlimited = 1<<64 - 1

// limitFileSize can't be had here.
func limitFileSize(int, uint64) error {
	return errors.New("the files of another process can be limited only on Linux")
}
