package app

import (
	"errors"
	"fmt"
)

// cleanups are what has to be undone, the last first. Each is registered right after what it undoes was done.
type cleanups struct {
	steps []cleanup
}

type cleanup struct {
	name string
	do   func() error
}

func (c *cleanups) add(name string, do func() error) {
	c.steps = append(c.steps, cleanup{name, do})
}

// run undoes everything, also after an error, and joins the errors.
func (c *cleanups) run() error {
	var all []error
	for i := len(c.steps) - 1; i >= 0; i-- {
		if err := c.steps[i].do(); err != nil {
			all = append(all, fmt.Errorf("%s: %w", c.steps[i].name, err))
		}
	}
	c.steps = nil
	return errors.Join(all...)
}
