package chaos_test

import "syscall"

// diesWithParent lets the system kill a service when the test that started it is gone, however it went.
func diesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
