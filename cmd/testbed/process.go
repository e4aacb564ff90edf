package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// process is a server that runs as a child of the test.
type process struct {
	dir     string // everything that it writes; removed at the end
	command []string
	running *child // nil after kill
}

// child is one run of the command.
type child struct {
	cmd    *exec.Cmd
	done   chan struct{} // closed when it has ended
	paused bool
}

// launch starts a server that keeps what it writes in dir. On an error dir is removed.
func launch(dir string, command ...string) (*process, error) {
	p := &process{dir: dir, command: command}
	if err := p.run(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return p, nil
}

// run starts the command. The thread that starts it stays with it until it ends: a child that is to die with its
// parent dies, on Linux, with the thread that started it.
func (p *process) run() error {
	logs, err := os.OpenFile(p.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log of %s: %w", p.command[0], err)
	}
	cmd := exec.Command(p.command[0], p.command[1:]...) //nolint:noctx // it outlives the test that happened to start it
	cmd.Dir = p.dir
	cmd.Stdout, cmd.Stderr = logs, logs
	cmd.SysProcAttr = diesWithParent()
	c := &child{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(c.done)
		defer logs.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is for its log; most end by SIGKILL
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting %s: %w", p.command[0], err)
	}
	p.running = c
	return nil
}

func (p *process) logFile() string { return filepath.Join(p.dir, "output.log") }

func (p *process) start(context.Context) error {
	if p.running != nil {
		return nil
	}
	return p.run()
}

func (p *process) kill(context.Context) error {
	if p.running == nil {
		return nil
	}
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.running.done
	p.running = nil
	return nil
}

func (p *process) terminate(context.Context) error {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.running.done:
	case <-time.After(stopLimit):
		return p.failed(fmt.Errorf("it did not end within %v of a SIGTERM", stopLimit))
	}
	p.running = nil
	return nil
}

// pause returns when it stands still: a thread that is running when the signal is sent may go on and answer for a while.
func (p *process) pause(context.Context) error {
	if p.running != nil && p.running.paused {
		return nil
	}
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	p.running.paused = true
	return awaitStopped(p.running.cmd.Process.Pid)
}

func (p *process) resume(context.Context) error {
	if err := p.signal(syscall.SIGCONT); err != nil {
		return err
	}
	p.running.paused = false
	return nil
}

// errNotRunning is what a server that was killed answers to a fault.
var errNotRunning = errors.New("it does not run: Restart it first")

func (p *process) signal(s syscall.Signal) error {
	if p.running == nil {
		return errNotRunning
	}
	if err := p.running.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("sending %v: %w", s, err)
	}
	return nil
}

func (p *process) remove(ctx context.Context) error {
	return errors.Join(p.kill(ctx), os.RemoveAll(p.dir))
}

// failed is err with the end of what the server printed, which is where the cause usually stands.
func (p *process) failed(err error) error {
	logs, readErr := os.ReadFile(p.logFile())
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	lines := bytes.Split(bytes.TrimSpace(logs), []byte("\n"))
	return fmt.Errorf("%w; the end of its log:\n%s", err, bytes.Join(lines[max(0, len(lines)-15):], []byte("\n")))
}

// awaitProcess waits until serves answers, or gives up as soon as the process has ended.
func awaitProcess(ctx context.Context, p *process, serves func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watched := make(chan struct{})
	ended := p.running.done
	stop := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-ended:
			cancel(errors.New("it ended by itself"))
		case <-stop:
		}
	}()
	err := serves(ctx)
	close(stop)
	<-watched
	if err != nil {
		return errors.Join(p.failed(err), p.remove(context.WithoutCancel(ctx)))
	}
	return nil
}

func findRedis() (string, error) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return "", fmt.Errorf("finding redis-server (apt-get install redis-server): %w", err)
	}
	return binary, nil
}

// redisProcess starts redis-server and waits until it serves whoever has the login's name and password.
func redisProcess(ctx context.Context, login redisLogin, args []string) (addr, dir string, host machine, err error) {
	binary, err := findRedis()
	if err != nil {
		return "", "", nil, err
	}
	home, err := os.MkdirTemp("", "hotlead-redis-")
	if err != nil {
		return "", "", nil, fmt.Errorf("making a directory for Redis: %w", err)
	}
	dir = filepath.Join(home, "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", "", nil, errors.Join(fmt.Errorf("making a directory for Redis: %w", err), os.RemoveAll(home))
	}
	port, err := freePort()
	if err != nil {
		return "", "", nil, errors.Join(err, os.RemoveAll(home))
	}
	addr = loopback(port)
	// A file that may not grow (FillDisk) is to be an error for Redis and not its end.
	command := []string{"sh", "-c", `trap "" XFSZ; exec "$@"`, "redis-server", binary, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir}
	p, err := launch(home, append(append(command, redisSettings()...), args...)...)
	if err != nil {
		return "", "", nil, err
	}
	login.addr = addr
	err = awaitProcess(ctx, p, func(ctx context.Context) error { return redisServes(ctx, login) })
	if err != nil {
		return "", "", nil, err
	}
	return addr, dir, p, nil
}

// FreeAddr is a HOST:PORT on loopback that nothing listens on, for a server that the test starts by itself.
func FreeAddr(t testing.TB) string {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatalf("testbed: finding a free port: %v", err)
	}
	return loopback(port)
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// freePort is a port that nothing listens on.
func freePort() (int, error) {
	ports, err := freePorts(1)
	if err != nil {
		return 0, err
	}
	return ports[0], nil
}

// freePorts are n different ports that nothing listens on. They lie below the ports that the system hands to outgoing
// connections: while a killed server is away, a client that redials must not get the server's own port as its source,
// and neither must anyone else.
func freePorts(n int) ([]int, error) {
	const low, high = 10_000, 30_000
	var ports []int
	for range 100 * n {
		port := low + rand.IntN(high-low)
		listener, err := net.Listen("tcp", loopback(port)) //nolint:noctx // does not wait
		if err != nil {
			continue
		}
		defer listener.Close() // held until all are found, so that they differ
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports found between %d and %d", n, low, high)
}

// writeFile writes what with prints.
func writeFile(path string, with func(io.Writer)) error {
	var text bytes.Buffer
	with(&text)
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		return fmt.Errorf("writing a server's configuration: %w", err)
	}
	return nil
}
