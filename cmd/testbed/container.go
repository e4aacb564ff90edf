package testbed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/wait"
)

// The images. Their tags follow what a user is told to run.
const (
	kafkaImage = "apache/kafka:"
	redisImage = "redis:7"
)

// answerLimit is how long a Docker engine may take to answer: where there is none, tests should not wait for it.
const answerLimit = time.Second

// dockerHost is one container as a machine.
type dockerHost struct {
	container *testcontainers.DockerContainer
	docker    *testcontainers.DockerClient
	dir       string // mounted from this machine, removed at the end; "" for none
}

// docker is a client of the engine, if one answers.
func docker(ctx context.Context) (*testcontainers.DockerClient, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	engine, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, fmt.Errorf("finding a Docker engine: %w", err)
	}
	if _, err := engine.Ping(ctx, client.PingOptions{}); err != nil {
		return nil, errors.Join(fmt.Errorf("asking the Docker engine for an answer: %w", err), engine.Close())
	}
	return engine, nil
}

// kafkaContainer starts the Kafka image. The host's port is fixed beforehand because the broker has to advertise it.
func kafkaContainer(ctx context.Context, spec brokerSpec) (addr string, host machine, err error) {
	const inside = 9092
	engine, err := docker(ctx)
	if err != nil {
		return "", nil, err
	}
	addr, publish, err := published(inside)
	if err != nil {
		return "", nil, errors.Join(err, engine.Close())
	}
	env := map[string]string{"KAFKA_HEAP_OPTS": strings.Join(spec.java(), " "), "CLUSTER_ID": clusterID}
	spec.advertised = cmp.Or(spec.advertised, addr)
	settings := kafkaSettings(spec, endpoints{
		clients:  "0.0.0.0:" + strconv.Itoa(inside),
		internal: loopback(inside + 1), controller: loopback(inside + 2), data: "/var/lib/kafka/data",
	})
	for key, value := range settings {
		env["KAFKA_"+strings.ToUpper(strings.ReplaceAll(key, ".", "_"))] = value
	}
	ctr, err := testcontainers.Run(ctx, kafkaImage+spec.release(), testcontainers.WithLogger(log.NewNoopLogger()), publish, testcontainers.WithEnv(env),
		testcontainers.WithWaitStrategyAndDeadline(startLimit, wait.ForLog("Kafka Server started")))
	return started(ctx, addr, "", ctr, engine, err)
}

// redisContainer starts the Redis image. Its directory is mounted from here, so that a snapshot is a copy of files.
func redisContainer(ctx context.Context, args []string) (addr, dir string, host machine, err error) {
	const inside = 6379
	engine, err := docker(ctx)
	if err != nil {
		return "", "", nil, err
	}
	dir, err = os.MkdirTemp("", "hotlead-redis-")
	if err != nil {
		return "", "", nil, errors.Join(fmt.Errorf("making a directory for Redis: %w", err), engine.Close())
	}
	addr, publish, err := published(inside)
	if err != nil {
		return "", "", nil, errors.Join(err, engine.Close(), os.RemoveAll(dir))
	}
	command := append([]string{"redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--dir", "/data"}, redisSettings()...)
	ctr, err := testcontainers.Run(ctx, redisImage, testcontainers.WithLogger(log.NewNoopLogger()), publish,
		testcontainers.WithCmd(append(command, args...)...),
		testcontainers.WithConfigModifier(func(c *container.Config) {
			c.User = strconv.Itoa(os.Getuid()) + ":" + strconv.Itoa(os.Getgid()) // so that we may read what it writes
		}),
		testcontainers.WithHostConfigModifier(func(h *container.HostConfig) { h.Binds = append(h.Binds, dir+":/data") }),
		testcontainers.WithWaitStrategyAndDeadline(startLimit, wait.ForLog("Ready to accept connections")))
	addr, host, err = started(ctx, addr, dir, ctr, engine, err)
	return addr, dir, host, err
}

// published makes a container's port reachable on a port of this machine that is known before it starts.
func published(inside int) (addr string, publish testcontainers.CustomizeRequestOption, err error) {
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	exposed, err := network.ParsePort(strconv.Itoa(inside) + "/tcp")
	if err != nil {
		return "", nil, fmt.Errorf("publishing port %d: %w", inside, err)
	}
	binding := network.PortBinding{HostIP: netip.AddrFrom4([4]byte{127, 0, 0, 1}), HostPort: strconv.Itoa(port)}
	publish = func(req *testcontainers.GenericContainerRequest) error {
		if err := testcontainers.WithExposedPorts(exposed.String()).Customize(req); err != nil {
			return err
		}
		return testcontainers.WithHostConfigModifier(func(h *container.HostConfig) {
			h.PortBindings = network.PortMap{exposed: {binding}}
		}).Customize(req)
	}
	return loopback(port), publish, nil
}

// started is the end of a start: the machine, or everything given back.
func started(ctx context.Context, addr, dir string, ctr *testcontainers.DockerContainer, engine *testcontainers.DockerClient, err error) (string, machine, error) {
	host := &dockerHost{container: ctr, docker: engine, dir: dir}
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("starting a container (an image that can't be pulled has to be there already, "+
			"the clean-up container's too, or TESTCONTAINERS_RYUK_DISABLED=true): %w", err), host.remove(context.WithoutCancel(ctx)))
	}
	return addr, host, nil
}

func (d *dockerHost) kill(ctx context.Context) error {
	state, err := d.container.State(ctx)
	if err != nil {
		return fmt.Errorf("looking at the container: %w", err)
	}
	if !state.Running {
		return nil
	}
	if _, err := d.docker.ContainerKill(ctx, d.container.GetContainerID(), client.ContainerKillOptions{Signal: "SIGKILL"}); err != nil {
		return fmt.Errorf("killing the container: %w", err)
	}
	return eventually(ctx, "the container to end", func(ctx context.Context) error {
		state, err := d.container.State(ctx)
		if err == nil && state.Running {
			err = errors.New("it still runs")
		}
		return err
	})
}

func (d *dockerHost) terminate(ctx context.Context) error {
	if err := d.container.Stop(ctx, new(stopLimit)); err != nil {
		return fmt.Errorf("stopping the container: %w", err)
	}
	return nil
}

// start goes to the engine itself: testcontainers would wait for a log line that is there from the first start.
func (d *dockerHost) start(ctx context.Context) error {
	if _, err := d.docker.ContainerStart(ctx, d.container.GetContainerID(), client.ContainerStartOptions{}); err != nil {
		return fmt.Errorf("starting the container again: %w", err)
	}
	return nil
}

func (d *dockerHost) pause(ctx context.Context) error {
	if _, err := d.docker.ContainerPause(ctx, d.container.GetContainerID(), client.ContainerPauseOptions{}); err != nil {
		return fmt.Errorf("pausing the container: %w", err)
	}
	return nil
}

func (d *dockerHost) resume(ctx context.Context) error {
	if _, err := d.docker.ContainerUnpause(ctx, d.container.GetContainerID(), client.ContainerUnpauseOptions{}); err != nil {
		return fmt.Errorf("resuming the container: %w", err)
	}
	return nil
}

func (d *dockerHost) remove(ctx context.Context) error {
	var err error
	if d.container != nil {
		err = d.container.Terminate(ctx, testcontainers.StopTimeout(0))
	}
	err = errors.Join(err, d.docker.Close())
	if d.dir != "" {
		err = errors.Join(err, os.RemoveAll(d.dir))
	}
	return err
}

// errNotRun is the error of a shared container in a test binary that could not stop it: unlike a process, a container
// outlives the test that started it.
var errNotRun = errors.New("shared containers are stopped by testbed.Run: add func TestMain(m *testing.M) { os.Exit(testbed.Run(m)) } to the package's tests")

// sharedAllowed is whether a shared server of this mode is sure to end.
func sharedAllowed(mode Mode) error {
	if mode == Containers && !shared.running.Load() {
		return errNotRun
	}
	return nil
}
