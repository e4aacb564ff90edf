//go:build !linux

package testbed

import "syscall"

// diesWithParent can't be asked for here: a test that is killed leaves its servers behind.
func diesWithParent() *syscall.SysProcAttr { return nil }

// awaitStopped can't wait here without reaping the child: it stands still a moment later.
func awaitStopped(int) error { return nil }
