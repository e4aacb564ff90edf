package testbed

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// diesWithParent lets the system kill a server when the test that started it is gone, however it went.
func diesWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// awaitStopped waits until every thread of a child that was sent SIGSTOP stands still. It does not reap the child.
func awaitStopped(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("waiting until it stands still: %w", err)
		}
		return nil
	}
}

// unlimited is limitFileSize's word for no limit.
const unlimited = unix.RLIM_INFINITY

// limitFileSize lets a process write no file beyond the given size; what is there already stays.
func limitFileSize(pid int, bytes uint64) error {
	limit := unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		return fmt.Errorf("limiting its files to %d bytes: %w", bytes, err)
	}
	return nil
}
