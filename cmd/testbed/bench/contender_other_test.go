//go:build !linux

package bench

import "syscall"

// diesWithParent can't be asked for here: a benchmark that is killed leaves its contenders behind.
func diesWithParent() *syscall.SysProcAttr { return nil }
