package app

import (
	"errors"
	"testing"
)

func TestCleanupsRunTheLastFirstAndAll(t *testing.T) {
	var c cleanups
	var order string
	broken := errors.New("broken")
	c.add("a", func() error { order += "a"; return nil })
	c.add("b", func() error { order += "b"; return broken })
	c.add("c", func() error { order += "c"; return nil })
	err := c.run()
	if order != "cba" || !errors.Is(err, broken) || err.Error() != "b: broken" {
		t.Errorf("order %s, %v", order, err)
	}
	if err := c.run(); err != nil || order != "cba" {
		t.Errorf("again: order %s, %v", order, err)
	}
}
