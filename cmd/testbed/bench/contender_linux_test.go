package bench

import "syscall"

// diesWithParent lets the system kill a contender when the benchmark that started it is gone, however it went.
func diesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
