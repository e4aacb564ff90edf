//go:build !linux

package chaos_test

import "syscall"

// diesWithParent can't be asked for here: a test that is killed leaves its services behind.
func diesWithParent() *syscall.SysProcAttr { return nil }
