package testbed

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestModesThatAreTried(t *testing.T) {
	for _, c := range []struct {
		forced, ci string
		want       []Mode
	}{
		{"", "", []Mode{Containers, Process, Embedded}},
		{"", "true", []Mode{Containers, Process}},
		{"containers", "", []Mode{Containers}},
		{"process", "true", []Mode{Process}},
		{"embedded", "true", []Mode{Embedded}},
	} {
		t.Run(c.forced+" "+c.ci, func(t *testing.T) {
			t.Setenv("HOTLEAD_TESTBED", c.forced)
			t.Setenv("CI", c.ci)
			got, err := candidates()
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("tried are %v (%v), want %v", got, err, c.want)
			}
		})
	}
}

func TestAnUnknownModeNamesTheKnownOnes(t *testing.T) {
	t.Setenv("HOTLEAD_TESTBED", "docker")
	_, err := choose(t.Logf, func(Mode) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "containers, process or embedded") {
		t.Errorf("got %v, want an error with the modes", err)
	}
}

func TestTheFirstModeThatWorksIsTaken(t *testing.T) {
	t.Setenv("HOTLEAD_TESTBED", "")
	t.Setenv("CI", "")
	noDocker := errors.New("no Docker here")
	var tried []Mode
	got, err := choose(t.Logf, func(mode Mode) error {
		tried = append(tried, mode)
		if mode == Containers {
			return noDocker
		}
		return nil
	})
	if err != nil || got != Process || !slices.Equal(tried, []Mode{Containers, Process}) {
		t.Errorf("taken is %q (%v) after %v, want %s after containers and process", got, err, tried, Process)
	}
}

func TestAForcedModeThatFailsIsTheError(t *testing.T) {
	t.Setenv("HOTLEAD_TESTBED", "process")
	noJava := errors.New("no Java here")
	if _, err := choose(t.Logf, func(Mode) error { return noJava }); !errors.Is(err, noJava) {
		t.Errorf("got %v, want %v", err, noJava)
	}
}

func TestSharedContainersNeedRunToStopThem(t *testing.T) {
	shared.running.Store(false)
	t.Cleanup(func() { shared.running.Store(true) })
	if err := sharedAllowed(Containers); !errors.Is(err, errNotRun) {
		t.Errorf("got %v, want %v", err, errNotRun)
	}
	if err := sharedAllowed(Process); err != nil {
		t.Errorf("got %v for a process, which dies by itself", err)
	}
}

func TestAServerThatEndsByItselfSaysWhy(t *testing.T) {
	p, err := launch(t.TempDir(), "sh", "-c", "echo the port is taken; exit 1")
	if err != nil {
		t.Fatal(err)
	}
	err = awaitProcess(t.Context(), p, func(ctx context.Context) error {
		return eventually(ctx, "a server that never comes", func(context.Context) error { return errors.New("nobody there") })
	})
	for _, part := range []string{"ended by itself", "nobody there", "the port is taken"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the error %q lacks %q", err, part)
		}
	}
}
