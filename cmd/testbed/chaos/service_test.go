package chaos_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// goBuild builds hotlead so that it can strike at itself.
func goBuild(file string, flags ...string) error {
	command := exec.Command("go", append(append([]string{"build", "-tags", "chaos"}, flags...), "-o", file, "../../hotlead")...)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("building hotlead: %w\n%s", err, out)
	}
	return nil
}

// how is in what a service differs from the plain one.
type how struct {
	strike  string   // STEP:COUNT:SIGNAL
	args    []string // more arguments of hotlead run
	model   int      // the version of the model; 0: 1
	brokers []string // another way to Kafka
}

// service is a process of hotlead run.
type service struct {
	w      *world
	name   string
	addr   string // of its HTTP server
	cmd    *exec.Cmd
	struck chan struct{} // closed when its strike comes
	ended  chan struct{} // closed when the process has ended
	err    error         // how it ended
	gone   bool          // it was ended on purpose
}

// run starts a service.
func (w *world) run(h how) *service {
	w.t.Helper()
	w.count++
	s := &service{w: w, name: "worker-" + strconv.Itoa(w.count), addr: testbed.FreeAddr(w.t),
		struck: make(chan struct{}), ended: make(chan struct{})}
	s.cmd = exec.Command(w.t.binary, append([]string{"run", "--config", w.configure(s, h)}, h.args...)...)
	s.cmd.SysProcAttr = diesWithParent()
	s.cmd.Env = append(plainEnvironment(), "CHAOS_STRIKE="+h.strike, "CHAOS_SESSION="+session.String(), "CHAOS_CLOCK="+w.clock)
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	started := make(chan error)
	go s.live(stderr, started)
	if err := <-started; err != nil {
		w.t.Fatal(err)
	}
	w.services = append(w.services, s)
	w.t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it may have ended long ago
		<-s.ended
	})
	return s
}

// live starts the process and reads its log until it ends. On Linux a child that is to die with its parent dies with
// the thread that started it, so that thread stays.
func (s *service) live(stderr io.Reader, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.ended)
	err := s.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	strike := sync.OnceFunc(func() { close(s.struck) })
	for lines.Scan() {
		s.w.log.add(s.name, lines.Text())
		if strings.HasPrefix(lines.Text(), "struck at ") {
			strike()
		}
	}
	s.err = s.cmd.Wait()
}

// plainEnvironment is ours without the variables that hotlead would read.
func plainEnvironment() []string {
	var environ []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "HOTLEAD_") {
			environ = append(environ, entry)
		}
	}
	return environ
}

// configure writes the service's configuration and says where.
func (w *world) configure(s *service, h how) string {
	w.t.Helper()
	dir := w.t.TempDir()
	model := filepath.Join(dir, "proof.yaml")
	brokers := w.brokers
	if len(h.brokers) > 0 {
		brokers = h.brokers
	}
	text := fmt.Sprintf(`
kafka:
  brokers: [%s]
  group: %s
  topics: {engagement: %s, qualification: %s, tier_changes: %s, dead_letters: %s, inbox: %s}
redis: {addrs: [%s], cluster: %t, prefix: %s}
model: %s
http: {listen: %s}
limits: {memory_bytes: 16777216}
`, strings.Join(brokers, ", "), w.group, w.topics.Engagement, w.topics.Qualification, w.topics.TierChanges, w.topics.DeadLetters,
		w.topics.Inbox, strings.Join(w.redis, ", "), w.cluster, w.prefix, model, s.addr)
	config := filepath.Join(dir, "hotlead.yaml")
	err := errors.Join(os.WriteFile(config, []byte(text), 0o600), os.WriteFile(model, testbed.ProofModel(max(h.model, 1)), 0o600))
	if err != nil {
		w.t.Fatal(err)
	}
	return config
}

// get asks the service's HTTP server.
func (s *service) get(ctx context.Context, path string) (status int, text string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+path, nil)
	if err != nil {
		return 0, "", err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

// ready waits until /readyz says so.
func (s *service) ready() {
	s.w.t.Helper()
	s.w.eventually(s.name+" to be ready", func(ctx context.Context) error {
		status, text, err := s.get(ctx, "/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%d: %s", status, text)
		}
		return err
	})
}

// unready waits until /readyz says that it is not, for a reason that holds all of the words, and returns what it says.
func (s *service) unready(words ...string) (said string) {
	s.w.t.Helper()
	s.w.eventually(s.name+" not to be ready", func(ctx context.Context) error {
		status, text, err := s.get(ctx, "/readyz")
		if err != nil {
			return err
		}
		said = text
		for _, word := range words {
			if !strings.Contains(text, word) {
				return fmt.Errorf("it answers %d: %s", status, text)
			}
		}
		if status != http.StatusServiceUnavailable {
			return fmt.Errorf("it answers %d: %s", status, text)
		}
		return nil
	})
	return said
}

// metric is the sum over all labels of what the service tells by that name.
func (s *service) metric(ctx context.Context, name string) (sum float64, err error) {
	_, text, err := s.get(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		rest, ours := strings.CutPrefix(line, name)
		if !ours || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		fields := strings.Fields(line)
		value, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", line, err)
		}
		sum += value
	}
	return sum, nil
}

// owns waits until the service owns so many lanes and is ready.
func (s *service) owns(lanes int) {
	s.w.t.Helper()
	s.w.eventually(fmt.Sprintf("%s to own %d lanes", s.name, lanes), func(ctx context.Context) error {
		n, err := s.metric(ctx, "hotlead_lanes_owned")
		if err == nil && int(n) != lanes {
			err = fmt.Errorf("it owns %v", n)
		}
		return err
	})
	s.ready()
}

// tookOver is how many lanes the service found to be so when it took them over.
func (s *service) tookOver(found string) int {
	s.w.t.Helper()
	n, err := s.metric(s.w.limited(), `hotlead_take_overs_total{found="`+found+`"}`)
	if err != nil {
		s.w.t.Fatal(err)
	}
	return int(n)
}

// wantTookOver fails the trial unless the service found at least one lane so: else the fault did not hit.
func (s *service) wantTookOver(found string) {
	s.w.t.Helper()
	if s.tookOver(found) == 0 {
		s.w.t.Errorf("%s took no lane over with %q: the fault missed", s.name, found)
	}
}

func (s *service) signal(which syscall.Signal) {
	s.w.t.Helper()
	if err := s.cmd.Process.Signal(which); err != nil {
		s.w.t.Fatalf("sending %v to %s: %v", which, s.name, err)
	}
}

// kill ends the service at once.
func (s *service) kill() {
	s.w.t.Helper()
	s.gone = true
	s.signal(syscall.SIGKILL)
	<-s.ended
}

// awaitStrike waits until the service has struck itself.
func (s *service) awaitStrike() {
	s.w.t.Helper()
	select {
	case <-s.struck:
	case <-s.ended:
		select {
		case <-s.struck:
		default:
			s.w.t.Fatalf("%s ended before it came to its strike: %v", s.name, s.err)
		}
	case <-s.w.limited().Done():
		s.w.t.Fatalf("%s never came to its strike", s.name)
	}
}

// killedItself waits until the service has killed itself by its strike.
func (s *service) killedItself() {
	s.w.t.Helper()
	s.gone = true
	s.awaitStrike()
	<-s.ended
}

// terminate stops the service as its operator does, and wants it to end well.
func (s *service) terminate() {
	s.w.t.Helper()
	if s.gone {
		return
	}
	s.gone = true
	s.signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-s.w.limited().Done():
		s.w.t.Fatalf("%s does not end", s.name)
	}
	if s.err != nil {
		s.w.t.Errorf("%s was told to stop and ended with: %v", s.name, s.err)
	}
}
