package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// probeTimeout is less than the 30 seconds that Docker gives a health check, and more than hotlead takes to find that Kafka
// or Redis does not answer.
const probeTimeout = 10 * time.Second

// newProbe is for the health check of the image, in which nothing else could ask.
func newProbe() *cobra.Command {
	return &cobra.Command{
		Use:   "probe [URL]",
		Short: "Ask a running hotlead whether it is ready",
		Long: `Ask a running hotlead whether it is ready, and print what it answers. The exit code
is 0 where it is, and 1 where it is not or nothing answers.

URL is http://127.0.0.1:8080/readyz by default; /livez asks whether it runs at all.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			asked := "http://127.0.0.1:8080/readyz"
			if len(args) == 1 {
				asked = args[0]
			}
			if u, err := url.Parse(asked); err != nil || u.Scheme == "" || u.Host == "" {
				return usageError{fmt.Errorf("%q is no URL such as http://127.0.0.1:8080/readyz", asked)}
			}
			request, err := http.NewRequestWithContext(c.Context(), http.MethodGet, asked, nil)
			if err != nil {
				return usageError{err}
			}
			client := http.Client{Timeout: probeTimeout}
			answer, err := client.Do(request)
			if err != nil {
				return fmt.Errorf("hotlead does not answer: %w", err)
			}
			defer answer.Body.Close()
			said, err := io.ReadAll(io.LimitReader(answer.Body, 4096))
			if err != nil {
				return fmt.Errorf("hotlead broke off its answer: %w", err)
			}
			if text := strings.TrimSpace(string(said)); text != "" {
				fmt.Fprintln(c.OutOrStdout(), text)
			}
			if answer.StatusCode != http.StatusOK {
				return fmt.Errorf("%s answers %s", asked, answer.Status)
			}
			return nil
		},
	}
}
